"""The Train page, opened and read."""

import argparse
import json

from any_page import open_page

from recam_core.commands import train

PAGE = "../pages/lab/train.py"


def open_train(**link):
    return open_page(PAGE, **link)


def labels(app):
    return [button.label for button in app.button]


def charts(app):
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def parsed(arguments):
    """The settings that the command line makes of these arguments."""
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    return train.chosen_config(parser.parse_args(list(arguments[1:])))
