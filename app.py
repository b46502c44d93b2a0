"""What a Space runs, and `make run`: the page, its server and the worker behind it. `python app.py --help` says more.

The worker's process imports this file too, so nothing is imported before it is known who is asking.
"""

if __name__ == "__main__":
    import sys

    from ftchat.ui.launch import main

    sys.exit(main())
