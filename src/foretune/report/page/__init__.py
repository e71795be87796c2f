"""`report.html`: one page about a run, which opens without a network; made from the files of its folder alone."""

from foretune.report.page.record import RunRecord, State, home_of, read_record
from foretune.report.page.render import PAGE, page_of, write_page

__all__ = ["PAGE", "RunRecord", "State", "home_of", "page_of", "read_record", "write_page"]
