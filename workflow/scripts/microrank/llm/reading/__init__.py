"""From a model's free text to what it says of each candidate.

`answer.read_answer` is the way in. It takes these steps, each a module of pure functions:

- `shown`: the candidates as the prompt showed them, and the titles that a text repeats;
- `thinking`: the answer proper, without the thinking before it;
- `json_values`, `json_rows`, `tables`, `lines`: what stands in the answer as rows of lists;
- `columns`, `lists`: which column of a list names the candidates, which gives places or scores;
- `final`: which of several lists is the answer.
"""
