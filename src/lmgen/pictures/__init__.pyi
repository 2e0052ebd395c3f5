from .coloured import Sample as Sample, coloured as coloured
from .heatmap import Heatmap as Heatmap, bars as bars
from .measures import MASSES as MASSES, Column as Column, measure as measure
from .png import Png as Png
from .reliability import Bin as Bin, reliability as reliability
