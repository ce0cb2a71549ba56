-- The language server `fsched lsp` in Neovim.
local M = {}

-- The command of the server; `vim.g.fsched_path` names a program that isn't in PATH.
function M.command()
  return { vim.g.fsched_path or "fsched", "lsp" }
end

-- The folder that a program belongs to: the one with `.git` (a file in a worktree), else its own.
function M.root(file)
  local folder = vim.fn.fnamemodify(file, ":p:h")
  local git = vim.fn.finddir(".git", folder .. ";")
  git = git ~= "" and git or vim.fn.findfile(".git", folder .. ";")
  return git ~= "" and vim.fn.fnamemodify(git, ":p"):gsub("/%.git/?$", "") or folder
end

-- Whether the program is there.
function M.executable()
  return vim.fn.executable(M.command()[1]) == 1
end

-- Whether the program is there; says once that it is missing.
function M.found()
  if M.executable() then
    return true
  end
  vim.notify_once(
    ("`%s` is not in PATH: build it with `cargo install --path .`, or set `vim.g.fsched_path`"):format(M.command()[1]),
    vim.log.levels.WARN
  )
  return false
end

-- One client for each root folder.
local clients = {}

-- Starts the server for a buffer or attaches it to the one that runs, for Neovim before 0.11. Gives the client's id.
function M.start(buffer)
  buffer = (buffer == nil or buffer == 0) and vim.api.nvim_get_current_buf() or buffer
  if not M.found() then
    return nil
  end
  local root = M.root(vim.api.nvim_buf_get_name(buffer))
  local id = clients[root]
  if id == nil or vim.lsp.get_client_by_id(id) == nil then
    id = vim.lsp.start_client({
      name = "fsched",
      cmd = M.command(),
      root_dir = root,
      capabilities = vim.lsp.protocol.make_client_capabilities(),
      on_exit = function()
        clients[root] = nil
      end,
    })
    clients[root] = id
  end
  if id ~= nil then
    vim.lsp.buf_attach_client(buffer, id)
  end
  return id
end

-- Shows a text beside the program; a second time, in the same buffer.
local function show(name, text)
  local buffer = vim.fn.bufnr(name)
  if buffer == -1 then
    buffer = vim.api.nvim_create_buf(false, true)
    vim.api.nvim_buf_set_name(buffer, name)
  end
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, vim.split(text, "\n", { plain = true }))
  if vim.fn.bufwinid(buffer) == -1 then
    vim.cmd("vertical sbuffer " .. buffer)
    vim.cmd("wincmd p")
  end
end

-- Asks the server for the plan of a buffer's program and shows it: `:FschedPlan`, and the code lens above the program.
function M.plan(buffer)
  local uri = vim.uri_from_bufnr(buffer or 0)
  local params = { command = "fsched.plan", arguments = { uri } }
  vim.lsp.buf_request(buffer or 0, "workspace/executeCommand", params, function(problem, text)
    if problem then
      vim.notify(problem.message, vim.log.levels.ERROR)
    elseif type(text) == "string" then
      show("fsched-plan://" .. vim.uri_to_fname(uri), text)
    end
  end)
end

vim.lsp.commands["fsched.plan"] = function(command)
  M.plan(vim.uri_to_bufnr(command.arguments[1]))
end

return M
