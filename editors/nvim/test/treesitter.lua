-- The tree-sitter grammar in the real editor: the parser loads, programs have no error, queries fit. `scripts/editors.sh`
-- builds the parser into a folder of the runtime path and runs it like syntax.lua.
local failures, captures = {}, 0
local get_query = vim.treesitter.query.get or vim.treesitter.query.get_query

for _, name in ipairs({ "highlights", "folds", "indents", "locals", "injections" }) do
  local fits, found = pcall(get_query, "fsched", name)
  if not fits or found == nil then
    table.insert(failures, name .. ".scm: " .. tostring(found))
  end
end

for _, file in ipairs(vim.fn.argv()) do
  vim.cmd("edit " .. vim.fn.fnameescape(file))
  local tree = vim.treesitter.get_parser(0, "fsched"):parse()[1]
  if tree:root():has_error() then
    table.insert(failures, file .. " has an error node")
  end
  for _ in get_query("fsched", "highlights"):iter_captures(tree:root(), 0, 0, -1) do
    captures = captures + 1
  end
  -- From 0.9 on, the plugin starts the colours.
  if vim.treesitter.start and vim.treesitter.highlighter.active[vim.api.nvim_get_current_buf()] == nil then
    table.insert(failures, file .. " is not coloured by tree-sitter")
  end
end
if captures == 0 then
  table.insert(failures, "nothing is coloured")
end

for _, failure in ipairs(failures) do
  io.stdout:write(failure .. "\n")
end
local summary = "tree-sitter in nvim: %d captures in %d programs, %d failures\n"
io.stdout:write(string.format(summary, captures, #vim.fn.argv(), #failures))
vim.cmd(#failures == 0 and "qall!" or "cquit 1")
