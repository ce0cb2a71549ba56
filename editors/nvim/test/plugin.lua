-- The plugin in the real editor: the server starts by itself, once for a repository, and plans are shown. It is run like
-- server.lua.
local failures = {}

local function check(what, holds)
  if not holds then
    table.insert(failures, what)
  end
end

vim.cmd("edit tests/ui/names.fsched")
vim.wait(10000, function()
  return #vim.diagnostic.get(0) > 0
end, 20)
local first = vim.diagnostic.get(0)[1] or {}
check("the first mistake is FS0105 in line 2: " .. vim.inspect(first), first.code == "FS0105" and first.lnum == 1)

vim.cmd("edit examples/loops.fsched")
local program = vim.api.nvim_get_current_buf()
local clients = vim.lsp.get_clients or vim.lsp.get_active_clients
vim.wait(10000, function()
  return vim.tbl_count(vim.lsp.get_clients and clients({ bufnr = program }) or vim.lsp.buf_get_clients(program)) > 0
end, 20)
check("one server for both programs", #clients() == 1)
vim.cmd("FschedPlan")
local plan = "fsched-plan://" .. vim.api.nvim_buf_get_name(program)
vim.wait(10000, function()
  return vim.fn.bufnr(plan) ~= -1
end, 20)
local lines = vim.fn.bufnr(plan) ~= -1 and vim.api.nvim_buf_get_lines(vim.fn.bufnr(plan), 0, -1, false) or {}
check("the plan is shown beside the program: " .. vim.inspect(lines), (lines[1] or ""):match("^Plan %x+, seed 0$"))
check("the cursor stays in the program", vim.api.nvim_get_current_buf() == program)

for _, failure in ipairs(failures) do
  io.stdout:write(failure .. "\n")
end
io.stdout:write(#failures == 0 and "plugin checks passed\n" or "plugin checks failed\n")
vim.cmd(#failures == 0 and "qall!" or "cquit 1")
