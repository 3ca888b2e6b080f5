"""Every layer's fields, once: the tables, the import checks and the templates are all read from here.

A field has the canonical column name of the import (also its name in the database and in JSON), a kind,
its limits, and its header in both languages. The order is the order on a template.
"""

from layers.field_kinds import Field as Field
from layers.field_kinds import Layer as Layer
from layers.field_kinds import code_field, name_field
from riskmap.vocabulary import (
    AREA_LEVELS,
    COMMITTEES,
    LEC_C,
    LEC_E,
    LEC_L,
    LINE_KINDS,
    OBJECTS_OF_DUTY,
    RESOURCE_KINDS,
    ROLES_OF_DUTY,
    SOURCE_KINDS,
    STANDARD_LEVELS,
    STATUSES,
    TARGET_CLASSES,
    ZONE_RECORD_KINDS,
)

TOWNSHIP = Field("township_code", "属地镇街编码", "Township code", length=64)
SYNTHETIC = Field("synthetic", "合成数据", "Synthetic", "bool")
STATUS = Field("status", "状态", "Status", "choice", choices=STATUSES)
OPENED = Field("opened_on", "开办日期", "Opened on", "date")
CLOSED = Field("closed_on", "关闭日期", "Closed on", "date")

AREAS = Layer(
    "areas",
    "area",
    "行政区域与网格",
    "Areas",
    (
        code_field("区划代码", "Area code"),
        name_field(),
        Field("level", "层级", "Level", "choice", required=True, choices=AREA_LEVELS),
        Field("parent_code", "上级代码", "Parent code", length=64),
        Field("people", "人口", "People", "number", low=0, high=1e8),
        Field("members", "成员区域代码", "Members", "codes"),
        SYNTHETIC,
    ),
    position="optional",
    geometries=("polygon",),
)

ENTERPRISES = Layer(
    "enterprises",
    "enterprise",
    "企业",
    "Enterprises",
    (
        code_field("统一社会信用代码", "Unified social credit code"),
        name_field("企业名称", "Enterprise name"),
        STATUS,
        OPENED,
        CLOSED,
        Field("industry", "行业代码", "Industry code (GB/T 4754)", length=8),
        Field("business_format", "业态", "Business format", length=60),
        Field("committee", "专业委员会", "Committee", "choice", choices=COMMITTEES),
        Field("workers", "从业人数", "Workers", "int", low=0, high=1_000_000),
        TOWNSHIP,
        Field("park_code", "所属园区代码", "Park code", length=64),
        Field("legal_representative", "法定代表人", "Legal representative", length=100),
        Field("actual_controller", "实际控制人", "Actual controller", length=100),
        Field("dept_industry", "行业监管部门", "Industry department", length=100),
        Field("person_industry", "行业监管责任人", "Industry officer", length=100),
        Field("dept_special", "专业监管部门", "Specialised department", length=100),
        Field("person_special", "专业监管责任人", "Specialised officer", length=100),
        Field("dept_general", "综合监管部门", "General department", length=100),
        Field("person_general", "综合监管责任人", "General officer", length=100),
        Field("standard_level", "标准化等级", "Standardisation level", "choice", choices=STANDARD_LEVELS),
        Field("standard_until", "标准化有效期至", "Standardised until", "date"),
        Field("fire_brigade_until", "专职消防队验收有效期至", "Full-time fire brigade until", "date"),
        Field("safety_engineer_until", "注册安全工程师有效期至", "Safety engineer until", "date"),
        SYNTHETIC,
    ),
    position="required",
    geometries=("point", "polygon"),
)

SOURCES = Layer(
    "sources",
    "source",
    "危险源",
    "Hazard sources",
    (
        code_field("危险源编码", "Source code"),
        name_field("危险源名称", "Source name"),
        Field("kind", "类别", "Kind", "choice", required=True, choices=SOURCE_KINDS),
        STATUS,
        OPENED,
        CLOSED,
        Field("enterprise_code", "所属企业代码", "Enterprise code", length=64, layer="enterprises"),
        Field("unit_type", "单元类型", "Unit type", "choice", choices=("production", "storage")),
        Field("assessed_on", "安全评估日期", "Assessed on", "date"),
        Field("lec_l", "LEC可能性L", "LEC likelihood L", "choice", choices=LEC_L),
        Field("lec_e", "LEC暴露频率E", "LEC exposure E", "choice", choices=LEC_E),
        Field("lec_c", "LEC后果C", "LEC consequence C", "choice", choices=LEC_C),
        Field("ls_l", "LS可能性L", "LS likelihood L", "int", low=1, high=5),
        Field("ls_s", "LS后果S", "LS severity S", "int", low=1, high=5),
        Field("diagnosis_score", "诊断分级得分", "Diagnosis score", "decimal", low=0, high=100),
        Field("sis_until", "安全仪表系统检验有效期至", "SIS proven until", "date"),
        Field("filed_on", "备案日期", "Filed on", "date"),
        Field("cancelled_on", "核销日期", "Cancelled on", "date"),
        TOWNSHIP,
        SYNTHETIC,
    ),
    position="required",
    geometries=("point", "line", "polygon"),
)

INVENTORY = Layer(
    "inventory",
    "inventory",
    "危险物质存量",
    "Inventory",
    (
        code_field(required=False),
        Field("source_code", "危险源编码", "Source code", required=True, length=64, layer="sources"),
        Field("cas", "CAS号", "CAS number", length=40),
        Field("substance", "物质名称", "Substance", length=200),
        Field("hazard_class", "危险性类别符号", "Hazard class symbol", length=60),
        Field(
            "quantity_t", "设计最大量(吨)", "Design maximum (t)", "decimal", required=True, low=0, high=1e9
        ),
        Field("unit_code", "储罐或建筑编号", "Tank or building", length=64),
        Field("as_of", "数据日期", "As of", "date"),
        SYNTHETIC,
    ),
    scope_of="source_code",
)

TARGETS = Layer(
    "targets",
    "target",
    "防护目标",
    "Protected targets",
    (
        code_field(),
        name_field(),
        Field(
            "target_class", "防护目标类别", "Target class", "choice", required=True, choices=TARGET_CLASSES
        ),
        Field("kind", "场所种类", "Kind of place", length=60),
        Field("people_day", "日间人数", "People by day", "number", low=0, high=1e7),
        Field("people_night", "夜间人数", "People by night", "number", low=0, high=1e7),
        Field("status", "状态", "Status", "choice", choices=(*STATUSES, "planned", "approved")),
        TOWNSHIP,
        SYNTHETIC,
    ),
    position="required",
    geometries=("point", "line", "polygon"),
)

POPULATION = Layer(
    "population",
    "population",
    "人口点",
    "Population",
    (
        code_field(required=False),
        Field("people", "常住人口", "Residents", "number", required=True, low=0, high=1e8),
        Field("people_day", "日间人口", "People by day", "number", low=0, high=1e8),
        Field("vulnerable", "密集或疏散困难", "Dense or hard to move", "bool"),
        Field("rescue_min", "救援到达(分钟)", "Rescue arrives in (min)", "int", low=0, high=10_000),
        TOWNSHIP,
        SYNTHETIC,
    ),
    position="required",
    geometries=("point", "polygon"),
)

SENSORS = Layer(
    "sensors",
    "sensor",
    "监测点",
    "Sensors",
    (
        code_field(),
        Field("source_code", "危险源编码", "Source code", required=True, length=64, layer="sources"),
        Field("kind", "监测类型", "Kind", required=True, length=60),
        Field("unit", "单位", "Unit", required=True, length=20),
        Field("low", "下限", "Low", "number", low=-1e12, high=1e12),
        Field("high", "上限", "High", "number", low=-1e12, high=1e12),
        Field("interval_s", "上报间隔(秒)", "Interval (s)", "int", low=1, high=31_536_000),
        SYNTHETIC,
    ),
    scope_of="source_code",
)

DANGERS = Layer(
    "dangers",
    "danger",
    "隐患",
    "Hidden dangers",
    (
        code_field("隐患编号", "Danger code"),
        Field("source_code", "危险源编码", "Source code", length=64, layer="sources"),
        Field("enterprise_code", "企业代码", "Enterprise code", length=64, layer="enterprises"),
        Field("place", "场所", "Place", length=200),
        TOWNSHIP,
        Field("found_by", "发现方式", "Found by", "choice", choices=("self", "other")),
        Field("grade", "隐患等级", "Grade", "choice", required=True, choices=("general", "major")),
        Field("title", "隐患内容", "Title", required=True, length=400),
        Field("origin", "来源", "Origin", length=100),
        Field("found_on", "发现日期", "Found on", "date", required=True),
        Field("due_on", "整改期限", "Due on", "date"),
        Field("extended_to", "延期至", "Extended to", "date"),
        Field("listed_on", "挂牌日期", "Listed on", "date"),
        Field("status", "状态", "Status", length=40),
        CLOSED,
        SYNTHETIC,
    ),
    position="optional",
    geometries=("point",),
    scope_of="source_code",
)

EVENTS = Layer(
    "events",
    "event",
    "事件",
    "Events",
    (
        Field("event_id", "事件编号", "Event id", required=True, length=64),
        Field("kind", "类型", "Kind", required=True, length=40),
        Field("severity", "级别", "Severity", length=20),
        Field("source_code", "危险源编码", "Source code", length=64),
        Field("sensor_code", "监测点编码", "Sensor code", length=64),
        Field("value", "数值", "Value", "number", low=-1e12, high=1e12),
        Field("unit", "单位", "Unit", length=20),
        Field("time", "时间", "Time", "time", required=True),
        Field("until", "截止时间", "Until", "time"),
        SYNTHETIC,
    ),
    position="optional",
    geometries=("point", "line", "polygon"),
    scope_of="source_code",
    immutable=True,
)

RESOURCES = Layer(
    "resources",
    "resource",
    "应急资源",
    "Rescue resources",
    (
        code_field(),
        name_field(),
        Field("kind", "类别", "Kind", "choice", required=True, choices=RESOURCE_KINDS),
        Field("capacity", "能力", "Capacity", length=200),
        Field("phone", "电话", "Phone", length=40),
        TOWNSHIP,
        SYNTHETIC,
    ),
    position="required",
    geometries=("point", "polygon"),
)

DUTY = Layer(
    "duty",
    "duty",
    "责任人",
    "Duty",
    (
        code_field(),
        Field("person", "责任人", "Person", required=True, length=100),
        Field("role", "职责", "Role", "choice", required=True, choices=ROLES_OF_DUTY),
        Field("object_layer", "对象类别", "Object layer", "choice", required=True, choices=OBJECTS_OF_DUTY),
        Field("object_code", "对象编码", "Object code", required=True, length=64),
        Field("phone", "电话", "Phone", length=40),
        Field("from_on", "起始日期", "From", "date"),
        Field("to_on", "结束日期", "To", "date"),
        Field("deputy_code", "替班责任人编号", "Deputy", length=64),
        Field("email", "电子邮箱", "E-mail", length=254),
        Field("superior_code", "上级责任人编号", "Superior", length=64),
        Field("absent_from", "缺勤起始日期", "Absent from", "date"),
        Field("absent_to", "缺勤结束日期", "Absent until", "date"),
        Field("account", "登录账号", "Account", length=64),
        SYNTHETIC,
    ),
    scope_of="object_code",
)

ZONES_EXTERNAL = Layer(
    "zones_external",
    "zone_external",
    "外部评估区域",
    "Imported consequence zones",
    (
        code_field(),
        name_field(),
        Field("source_code", "危险源编码", "Source code", length=64, layer="sources"),
        Field("kind", "危害类型", "Kind", "choice", required=True, choices=("fire", "explosion", "toxic")),
        Field("threshold", "阈值", "Threshold", length=60),
        Field("study", "评估报告", "Study", length=200),
        Field("approved_on", "批准日期", "Approved on", "date"),
        SYNTHETIC,
    ),
    position="required",
    geometries=("polygon",),
)

ZONE_RECORDS = Layer(
    "zone_records",
    "zone_record",
    "片区台账",
    "Zone ledger",
    (
        code_field("台账编号", "Record code"),
        Field("zone_code", "片区编号", "Zone code", required=True, length=64),
        Field("kind", "事项", "Kind", "choice", required=True, choices=ZONE_RECORD_KINDS),
        Field("title", "标题", "Title", required=True, length=200),
        Field("done_on", "办理日期", "Done on", "date"),
        Field("due_on", "到期日期", "Due on", "date"),
        Field("unit_code", "单位代码", "Unit code", length=64, layer="enterprises"),
        Field("unit_name", "单位名称", "Unit name", length=200),
        Field("phone", "电话", "Phone", length=40),
        Field("run_id", "片区运算序号", "Zone run", "int", low=0, high=2_000_000_000),
        Field("note", "内容", "Text", length=4000),
        SYNTHETIC,
    ),
)

LINES = Layer(
    "lines",
    "line",
    "水系与道路",
    "Water and roads",
    (
        code_field(),
        name_field(),
        Field("kind", "类别", "Kind", "choice", required=True, choices=LINE_KINDS),
        Field("rank", "制图等级", "Rank", "int", low=1, high=9),
        TOWNSHIP,
        SYNTHETIC,
    ),
    position="required",
    geometries=("line", "polygon"),
)

LAYERS: dict[str, Layer] = {
    layer.name: layer
    for layer in (
        AREAS,
        ENTERPRISES,
        SOURCES,
        INVENTORY,
        TARGETS,
        POPULATION,
        SENSORS,
        DANGERS,
        EVENTS,
        RESOURCES,
        DUTY,
        ZONES_EXTERNAL,
        ZONE_RECORDS,
        LINES,
    )
}
TABLES: dict[str, Layer] = {layer.table: layer for layer in LAYERS.values()}
