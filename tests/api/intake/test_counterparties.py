"""A stand-in never becomes a firm, and a firm is never taken for a stand-in."""

import csv
import io
from pathlib import Path

import pytest

from api.intake.counterparties import Named, Undisclosed, counterparty, name_key

NOBODY = {
    "ranked": ("第一名", "第2名", "第五位", "第三", "第一大供应商", "第四名供应商", "排名第一的供应商", "第五各"),
    "numbered": (
        "供应商一", "供应商 A", "供应商-B", "供应商(3)", "供应商1\x7f", "客户A", "A客户", "单位1", "单位-5",
        "公司甲", "甲公司", "B公司", "法人二", "法人一(关联方)", "销售3", "个人购房者A", "主要供应商5", "军品单位",
        "军工企业C", "航油供应商2", "102单位", "一的", "供货商四", "租户1", "客商五", "政府(含军方)B", "关联企业",
        "中国船舶重工集团有限公司A", "公司实际控制人控制的企业",
    ),
    "bare-code": ("K", "a", "1", "XA", "G0005", "KH-01", "100312", "甲", "十三"),
    "masked": (
        "江苏××医药有限公司", "**公寓装修工程", "李*昕", "云南省某公司", "某A", "XX股份",
        "大唐*******有限公司热电厂",
    ),
    "total": ("合计", "前五名供应商合计", "合 计", "其他", "下87家"),
    "private-person": ("李姓", "江桦(购房)", "顾问H(个人)", "王女士"),
    "not-disclosed": ("", "-", "——", "N/A", "无", "涉密", "未披露"),
}  # fmt: skip

SOMEBODY = (
    "三一集团", "GE集团", "58集团", "ABB", "GE", "3M", "TCL", "华为", "万科", "*ST中华A", "S*ST昌鱼", "统一实业",
    "第一创业证券", "中国第一汽车集团有限公司", "中国建筑第二工程局有限公司", "客户服务中心", "大众",
    "国网江苏省电力有限公司", "吉林大学第一医院", "上海第一建筑服务有限公司", "潍柴动力股份有限公司(GY)",
    "Tesla,Inc.", "GANA MACHINE CO.,LTD", "五矿发展股份有限公司", "四川金石耐火材料有限公司一分公司",
    "甲骨文(中国)软件系统有限公司", "丁二烯销售有限公司",
)  # fmt: skip


@pytest.mark.parametrize(("written", "reason"), [(name, reason) for reason, names in NOBODY.items() for name in names])
def test_a_stand_in_names_nobody(written: str, reason: str) -> None:
    assert counterparty(written) == Undisclosed(reason=reason)


@pytest.mark.parametrize("written", SOMEBODY)
def test_a_real_name_is_kept(written: str) -> None:
    assert isinstance(counterparty(written), Named)


def test_a_rank_before_or_around_a_name_is_taken_away() -> None:
    written = ("第一名山东华建铝业集团有限公司", "(1)Tesla,Inc.", "供应商1(云南锡业集团(控股)有限责任公司)")

    names = [known.name for known in map(counterparty, written) if isinstance(known, Named)]

    assert names == ["山东华建铝业集团有限公司", "Tesla,Inc.", "云南锡业集团(控股)有限责任公司"]


def test_a_stock_code_beside_the_name_is_used() -> None:
    assert counterparty("双星彩塑[002585.SZ]") == Named(name="双星彩塑", stock_code="002585.SZ")


def test_only_spellings_of_one_legal_form_are_one_name() -> None:
    assert name_key("演示（集团）有限责任公司") == name_key("演示(集团)有限公司")
    assert name_key("演示股份公司") == name_key("演示股份有限公司")
    assert name_key("演示集团有限公司") != name_key("演示集团股份有限公司")
    assert name_key("演示集团有限公司") != name_key("演示有限公司")


@pytest.mark.data
def test_no_listed_firm_is_taken_for_nobody(real_data: Path) -> None:
    table = csv.DictReader(io.StringIO((real_data / "china" / "company_basic.csv").read_text(encoding="utf-8-sig")))
    names = [row[column] for row in table for column in ("company_name", "short_name")]

    assert [name for name in names if isinstance(counterparty(name), Undisclosed)] == []
