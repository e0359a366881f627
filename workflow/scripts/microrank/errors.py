"""The one exception that users are meant to read."""


class StudyError(Exception):
    """Something that the user can mend.

    One line says what is wrong, where (file, line or key, value), and what to do. Everything else
    that is raised is a defect of microrank itself.
    """
