"""From a model's free text to what it says of each candidate.

`answer.read_answer` is the way in. It takes these steps, each a module of pure functions:

- `shown`: the candidates as the prompt showed them, and the titles that a text repeats;
- `thinking`: the answer proper, without the thinking before it;
- `json_values`, `json_rows`, `tables`, `lines`, `sequences` (`3 > 1 > 2`): what stands in the
  answer as rows of lists;
- `rows`: the numbers in the rows of a list, each under its column;
- `columns`, `lists`: which column of a list names the candidates, which gives places or scores;
- `final`: which of several lists is the answer.
"""
