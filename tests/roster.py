"""A large city's register of enterprises, and the areas it lies in, of any size."""

import numpy as np
import pyarrow as pa
import shapely

from layers.sheets import Table

WEST, SOUTH, WIDTH, HEIGHT = 112.2, 28.6, 0.6, 0.54
TOWNSHIPS = 20


def roster(n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A city's enterprises as a register has them."""
    number = np.arange(n)
    x = WEST + WIDTH * rng.beta(2, 3, n)
    y = SOUTH + HEIGHT * rng.beta(3, 2, n)
    township = np.minimum((TOWNSHIPS * (x - WEST) / WIDTH).astype(int), TOWNSHIPS - 1)
    return {
        "code": np.char.add("914309", np.char.zfill(number.astype(str), 12)),
        "name": np.char.add(np.char.add("沅江市第", number.astype(str)), "有限责任公司"),
        "industry": rng.choice(["2611", "2614", "5942", "5990", "4511", "1361", "3011"], n),
        "business_format": rng.choice(["工厂", "仓库", "商铺", "码头"], n),
        "workers": rng.integers(1, 500, n),
        "opened_on": (np.datetime64("2001-01-01") + rng.integers(0, 9000, n)).astype(str),
        "township_code": np.char.add("430981", (101 + township).astype(str)),
        "legal_representative": np.char.add("代表", (number % 5000).astype(str)),
        "dept_industry": rng.choice(["工业和信息化局", "商务局", "住房和城乡建设局"], n),
        "lon": x.round(7),
        "lat": y.round(7),
    }


def areas(grids: int) -> Table:
    """Townships as strips from west to east, each cut into villages, each village into grid units."""
    per_township = max(grids // TOWNSHIPS, 1)
    villages = max(round((per_township / 2) ** 0.5), 1)
    columns = max(per_township // villages, 1)
    codes, names, levels, shapes = [], [], [], []

    def add(code: str, level: str, west: float, south: float, east: float, north: float) -> None:
        codes.append(code)
        names.append(code)
        levels.append(level)
        shapes.append(shapely.box(west, south, east, north))

    wide, high = WIDTH / TOWNSHIPS, HEIGHT / villages
    for t in range(TOWNSHIPS):
        west = WEST + t * wide
        add(f"430981{101 + t}", "township", west, SOUTH, west + wide, SOUTH + HEIGHT)
        for v in range(villages):
            south = SOUTH + v * high
            add(f"430981{101 + t}{201 + v}", "village", west, south, west + wide, south + high)
            for g in range(columns):
                left = west + g * wide / columns
                add(
                    f"430981{101 + t}{201 + v}{1 + g:03}",
                    "grid",
                    left,
                    south,
                    left + wide / columns,
                    south + high,
                )
    cells = {"code": pa.array(codes), "name": pa.array(names), "level": pa.array(levels)}
    wkb = pa.array(shapely.to_wkb(np.array(shapes)), pa.binary())
    return Table("areas", cells, np.arange(1, len(codes) + 1, dtype=np.int32), wkb)
