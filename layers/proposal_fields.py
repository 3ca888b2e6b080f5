"""The columns of a file of proposals: canonical names, headers in both languages, kinds and limits."""

from layers.field_kinds import Field, Layer
from riskmap.siting_rules import PROPOSAL_KINDS, STAGES

STOCK = ("cas", "substance", "hazard_class", "quantity_t")
"""what a row says of one substance"""
PAPER = ("applicant", "note")
"""what an opinion paper would tell besides"""
_MOST = 10_000_000

PROPOSALS = Layer(
    "proposals",
    "proposal",
    "拟建项目",
    "Proposals",
    (
        Field("code", "项目代码", "Project code", length=64),
        Field("name", "项目名称", "Project name", length=200),
        Field("kind", "类别", "Kind", "choice", required=True, choices=PROPOSAL_KINDS),
        Field("stage", "阶段", "Stage", "choice", choices=STAGES),
        Field("cas", "CAS号", "CAS number", length=40),
        Field("substance", "物质名称", "Substance", length=200),
        Field("hazard_class", "危险性类别符号", "Hazard class symbol", length=60),
        Field("quantity_t", "设计最大量(吨)", "Design maximum (t)", "decimal", low=0, high=_MOST),
        Field("dwellings", "住宅套数", "Dwellings", "decimal", low=0, high=_MOST),
        Field("people", "人数", "People", "decimal", low=0, high=_MOST),
        Field("beds", "床位数", "Beds", "decimal", low=0, high=_MOST),
        Field("floor_area_m2", "建筑面积(平方米)", "Floor area (m2)", "decimal", low=0, high=_MOST),
        Field("density_per_ha", "每公顷住宅套数", "Dwellings per hectare", "decimal", low=0, high=_MOST),
        Field("storeys", "层数", "Storeys", "decimal", low=0, high=_MOST),
        Field("volume_m3", "储罐总容积(立方米)", "Volume of all tanks (m3)", "decimal", low=0, high=_MOST),
        Field("largest_m3", "最大单罐容积(立方米)", "Largest tank (m3)", "decimal", low=0, high=_MOST),
        Field("station_class", "加油站级别", "Class of the station", "int", low=1, high=3),
        Field("years", "临时用途年限", "Years of temporary use", "int", low=1, high=100),
        Field("enterprise_code", "企业代码", "Enterprise code", length=64),
        Field("applicant", "申请人", "Applicant", length=100),
        Field("note", "拟建内容", "What is to be built", length=2000),
        Field("exception_authority", "例外批准机关", "Exception: authority", length=200),
        Field("exception_text", "例外批准文号", "Exception: text", length=200),
        Field("exception_date", "例外批准日期", "Exception: date", "date"),
    ),
    position="required",
    geometries=("point", "line", "polygon"),
)
MADE_OF = tuple(
    one.name
    for one in PROPOSALS.fields
    if one.name not in {"code", *STOCK, *PAPER} and not one.name.startswith("exception_")
)
"""columns that are keys of a proposal as they are"""
