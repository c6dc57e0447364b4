"""The table of all tasks and its picture, from the records of the study `configs/all_tasks.py`."""
