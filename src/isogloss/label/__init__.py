"""People label a random sheet of replies, blind to model and judge: the truth judges are held to.

`draw_sheet` draws it, `LabelServer` shows it on a page of this machine, `export_sheet` and
`import_labels` carry it as CSV, `label_status` counts.
"""

from isogloss.label.draw import SheetRequest as SheetRequest
from isogloss.label.draw import draw_sheet as draw_sheet
from isogloss.label.label_file import Imported as Imported
from isogloss.label.label_file import import_labels as import_labels
from isogloss.label.progress import Status as Status
from isogloss.label.progress import label_status as label_status
from isogloss.label.sheet import Sheet as Sheet
from isogloss.label.sheet import Stratum as Stratum
from isogloss.label.sheet import read_sheet as read_sheet
from isogloss.label.sheet_file import export_sheet as export_sheet
from isogloss.label.source import Source as Source
from isogloss.label.source import choose_source as choose_source
