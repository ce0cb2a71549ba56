-- Opens programs in the real editor: file type, syntax, settings and indentation. `scripts/editors.sh` runs it so:
--   nvim --headless -u NONE --cmd "set rtp^=editors/nvim" -c "filetype plugin indent on" -c "syntax on" \
--     -c "luafile editors/nvim/test/syntax.lua" PROGRAM…
vim.g.fsched_lsp = false
local failures, checked = {}, 0

local function fail(...)
  table.insert(failures, string.format(...))
end

-- The syntax group at a place (from 1).
local function group(line, column)
  return vim.fn.synIDattr(vim.fn.synID(line, column, 1), "name")
end

-- Every character of code has a group other than a bad number's.
local function coloured(file)
  for line, text in ipairs(vim.api.nvim_buf_get_lines(0, 0, -1, false)) do
    for column in text:gmatch("()%S") do
      local name = group(line, column)
      -- Dots before fields and names that a program defines have none of their own.
      if name == "fschedBadNumber" or (name == "" and not text:sub(column, column):match("[%w_.\128-\255]")) then
        fail("%s:%d:%d: `%s` in `%s` has the group `%s`", file, line, column, text:sub(column, column), text, name)
      end
      checked = checked + 1
    end
  end
end

for _, file in ipairs(vim.fn.argv()) do
  vim.cmd("edit " .. vim.fn.fnameescape(file))
  if vim.bo.filetype ~= "fsched" or vim.b.current_syntax ~= "fsched" then
    fail("%s: filetype `%s`, syntax `%s`", file, vim.bo.filetype, tostring(vim.b.current_syntax))
  end
  coloured(file)
end

-- Chosen places: a text, what is looked for in it (the last one), and the group it must have.
local places = {
  { 'param p: Share = 30% in 0%..=100% "text"', "param", "fschedDeclaration" },
  { 'param p: Share = 30% in 0%..=100% "text"', "p:", "fschedDefinition" },
  { 'param p: Share = 30% in 0%..=100% "text"', "Share", "fschedType" },
  { 'param p: Share = 30% in 0%..=100% "text"', "0%", "fschedNumber" },
  { 'param p: Share = 30% in 0%..=100% "text"', "..=", "fschedRange" },
  { 'param p: Share = 30% in 0%..=100% "text"', '"text', "fschedString" },
  { "relearn 40 epochs", "relearn", "fschedStep" },
  { "relearn 40 epochs", "epochs", "fschedUnit" },
  { "forget layers[-2..] 30% by: random", "forget", "fschedStep" },
  { "forget layers[-2..] 30% by: random", "layers", "fschedSelector" },
  { "forget layers[-2..] 30% by: random", "-2", "fschedOperator" },
  { "forget layers[-2..] 30% by: random", "2", "fschedNumber" },
  { "forget layers[-2..] 30% by: random", "..", "fschedRange" },
  { "forget layers[-2..] 30% by: random", "by", "fschedParameter" },
  { "forget layers[-2..] 30% by: random", "random", "fschedComponent" },
  { "train 1; lr cosine  # why", "lr", "fschedSetting" },
  { "train 1; lr cosine  # why", "cosine", "fschedComponent" },
  { "train 1; lr cosine  # why", "# why", "fschedComment" },
  { "repeat 5 { zap head[c] }", "repeat", "fschedControl" },
  { "repeat 5 { zap head[c] }", "zap", "fschedStep" },
  { "evaluate clean on test", "clean", "fschedMetric" },
  { "evaluate clean on test", "test", "fschedSplit" },
  { "expect validation.loss < 3e-4", "validation", "fschedSplit" },
  { "expect validation.loss < 3e-4", "3e-4", "fschedNumber" },
  { "objective adversarial(pgd(eps: 8/255, crafted_in: train))", "pgd", "fschedComponent" },
  { "objective adversarial(pgd(eps: 8/255, crafted_in: train))", "eps", "fschedParameter" },
  { "objective adversarial(pgd(eps: 8/255, crafted_in: train))", "train", "fschedChoice" },
  { "measure clean,\n  loss every:\n    1 epoch", "loss", "fschedMetric" },
  { "measure clean,\n\n  own every: 1 epoch", "own", "fschedName" },
  { "measure clean\nown(1)", "own", "fschedPhase" },
  { "data digits(\n  validation: 10%,\n  train: 5)", "train", "fschedParameter" },
  { "let a = [\n  train,\n  x]", "train", "fschedSplit" },
  { "let a = b +\n  train", "train", "fschedSplit" },
  { "forget layers[layer] 5% unit: layer", "layer]", "fschedName" },
  { "norm(instance)", "instance", "fschedChoice" },
  { "device cpu", "cpu", "fschedChoice" },
  { "data digits(\n  train: 5)\ntrain 1", "train", "fschedStep" },
  { "repeat 2 {\n  train 1\n}", "train", "fschedStep" },
  { "if a { zap head }\nelse if b { zap head }", "if", "fschedControl" },
  { "polish(10%)", "polish", "fschedPhase" },
  { "train 40eps", "40eps", "fschedBadNumber" },
  { "# fsched: allow(FS1003, hidden-name)", "fsched", "fschedPragma" },
  { "# fsched: allow(FS1003, hidden-name)", "FS1003", "fschedLint" },
  { "# fsched: allow(FS1003, hidden-name)", "hidden", "fschedLint" },
}
for _, place in ipairs(places) do
  local text, word, wanted = place[1], place[2], place[3]
  local lines = vim.split(text, "\n", { plain = true })
  vim.cmd("enew! | setfiletype fsched")
  vim.api.nvim_buf_set_lines(0, 0, -1, false, lines)
  local found
  for number, line in ipairs(lines) do
    local column = line:find(word, 1, true)
    found = column and group(number, column) or found
  end
  if found ~= wanted then
    fail("`%s` in `%s` has the group `%s`, not `%s`", word, text, found, wanted)
  end
  checked = checked + 1
end

if vim.bo.commentstring ~= "# %s" or vim.bo.shiftwidth ~= 2 then
  fail("commentstring `%s`, shiftwidth %d", vim.bo.commentstring, vim.bo.shiftwidth)
end
vim.api.nvim_buf_set_lines(0, 0, -1, false, { "repeat 5 {", "train 1", "model sequential([", "conv(16, 3),", "])", "}" })
vim.cmd("silent normal! gg=G")
local indented = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n")
if indented ~= "repeat 5 {\n  train 1\n  model sequential([\n    conv(16, 3),\n  ])\n}" then
  fail("indented as\n%s", indented)
end

-- `:make` finds the places of mistakes.
local line = "a folder/b.fsched:17:23: warning[FS1004]: early layers are forgotten"
vim.fn.setqflist({}, " ", { lines = { line, "1 warning" }, efm = vim.bo.errorformat })
local found = vim.fn.getqflist()
local first = found[1] or {}
if #found ~= 1 or first.lnum ~= 17 or first.col ~= 23 or first.type ~= "w" or first.nr ~= 1004 then
  fail("quickfix list of `%s`: %s", line, vim.inspect(found))
end

for _, failure in ipairs(failures) do
  io.stdout:write(failure .. "\n")
end
local version = vim.version()
io.stdout:write(string.format(
  "nvim %d.%d.%d: %d places in %d programs, %d failures\n",
  version.major, version.minor, version.patch, checked, #vim.fn.argv(), #failures
))
vim.cmd(#failures == 0 and "qall!" or "cquit 1")
