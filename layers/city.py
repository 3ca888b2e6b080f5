"""The city this database belongs to."""

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from layers.schema import city
from riskmap.errors import Refused, Unavailable
from riskmap.settings import City


def stored_city(connection: Connection) -> City:
    """The city recorded at `init`. Unavailable where the database was never set up."""
    content = connection.execute(select(city.c.content)).scalar_one_or_none()
    if content is None:
        raise Unavailable("数据库还没有初始化", remedy="请先运行 riskmap init")
    return City.model_validate(content)


def record_city(connection: Connection, wanted: City, rev: int) -> None:
    """Record the city, or bring its changeable settings up to date.

    Refused where the database already belongs to another city or has another metric system.
    """
    row = connection.execute(select(city.c.code, city.c.metric_srid)).first()
    if row is not None and (row.code, row.metric_srid) != (wanted.code, wanted.metric_srid):
        raise Refused(
            f"该数据库属于城市 {row.code}（EPSG:{row.metric_srid}），不能改作 {wanted.code}（{wanted.metric_crs}）",
            remedy="请为另一个城市使用另外的 RISKMAP_HOME 或数据库",
        )
    values = {
        "code": wanted.code,
        "name": wanted.name,
        "metric_srid": wanted.metric_srid,
        "content": wanted.model_dump(mode="json"),
        "rev": rev,
    }
    connection.execute(
        insert(city).values(one=True, **values).on_conflict_do_update(index_elements=["one"], set_=values)
    )
