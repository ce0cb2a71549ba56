-- The language server in the real editor, started by this folder's own configuration: a broken program is opened,
-- diagnosed, mended by a code action, asked about, completed, renamed and formatted. `scripts/editors.sh` runs it so:
--   nvim --headless -u NONE --cmd "let g:fsched_path = 'target/debug/fsched'" --cmd "set rtp^=editors/nvim" \
--     -c "runtime plugin/fsched.lua" -c "filetype plugin on" -c "luafile editors/nvim/test/server.lua"
local PATIENCE = 20000
local BROKEN = {
  "# 漢字 😀: columns behind these differ in bytes, characters and UTF-16",
  "data   digits",
  "model mlp(hidden: [16])",
  "optimizer sgd(lr: 0.1)",
  'let 年 = 5 epochs  # "😀"',
  "repeat 3 {",
  "relern 年",
  "  forget layers[-1] 30%",
  "}",
  "train 年",
}

local done = {}
local uv = vim.loop

local function finish(status, text)
  io.stdout:write(text .. "\n")
  vim.cmd(status == 0 and "qall!" or "cquit 1")
end

local function check(what, condition, seen)
  if not condition then
    error(what .. ": " .. vim.inspect(seen), 0)
  end
  table.insert(done, what)
end

-- Waits until `get` gives something, and gives it.
local function await(what, get)
  local found
  vim.wait(PATIENCE, function()
    found = get()
    return found ~= nil and found ~= false
  end, 10)
  check(what, found ~= nil and found ~= false, vim.api.nvim_buf_get_lines(0, 0, -1, false))
  return found
end

local function lines()
  return vim.api.nvim_buf_get_lines(0, 0, -1, false)
end

local function line(number)
  return lines()[number]
end

-- Puts the cursor on a word of a line (both from 1).
local function go(number, word)
  vim.api.nvim_win_set_cursor(0, { number, assert(line(number):find(word, 1, true)) - 1 })
end

local function diagnostics(code)
  return vim.tbl_filter(function(d)
    return (d.code or d.user_data.lsp.code) == code
  end, vim.diagnostic.get(0))
end

local function request(method, params)
  local answers = vim.lsp.buf_request_sync(0, "textDocument/" .. method, params, PATIENCE)
  for _, answer in pairs(answers or {}) do
    check(method .. " has no error", answer.error == nil, answer.error)
    return answer.result
  end
  error(method .. " was not answered", 0)
end

-- Position of the cursor; from 0.11 on its encoding must be named.
local function here()
  local client = (vim.lsp.get_clients or vim.lsp.get_active_clients)()[1]
  return vim.lsp.util.make_position_params(0, client.offset_encoding)
end

local function run(file)
  vim.cmd("edit " .. vim.fn.fnameescape(file))
  check("file type", vim.bo.filetype == "fsched", vim.bo.filetype)

  local wrong = await("diagnostic", function()
    return diagnostics("FS0102")[1]
  end)
  check("place of the diagnostic", wrong.lnum == 6 and wrong.col == 0 and wrong.end_col == 6, wrong)
  check("help in the diagnostic", wrong.message:find("help:", 1, true) and wrong.message:find("relearn", 1, true), wrong)

  vim.ui.select = function(items, _, choose)
    choose(items[1], 1)
  end
  go(7, "relern")
  vim.lsp.buf.code_action()
  await("code action", function()
    return line(7) == "relearn 年"
  end)
  await("no error is left", function()
    return #vim.diagnostic.get(0, { severity = vim.diagnostic.severity.ERROR }) == 0
  end)

  go(8, "layers")
  vim.lsp.buf.hover()
  local text = await("hover", function()
    for _, window in ipairs(vim.api.nvim_list_wins()) do
      if vim.api.nvim_win_get_config(window).relative ~= "" then
        return table.concat(vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, false), "\n")
      end
    end
  end)
  check("what the selector hits", text:find("160 weights, 48 forgotten", 1, true), text)

  go(10, "年")
  vim.api.nvim_buf_set_lines(0, 9, 10, false, { "train 年", "rel" })
  vim.api.nvim_win_set_cursor(0, { 11, 3 })
  local list = request("completion", here())
  local words = vim.tbl_map(function(item)
    return item.label
  end, list.items or list)
  check("completion", vim.tbl_contains(words, "relearn"), words)
  vim.api.nvim_buf_set_lines(0, 10, 11, false, {})

  go(5, "年")
  vim.lsp.buf.rename("dauer")
  await("rename", function()
    return line(5):find("let dauer =", 1, true) and line(7) == "relearn dauer" and line(10) == "train dauer"
  end)
  go(10, "dauer")
  local places = request("references", vim.tbl_extend("force", here(), { context = { includeDeclaration = true } }))
  check("references", #places == 3, places)
  vim.lsp.buf.definition()
  await("definition", function()
    return vim.api.nvim_win_get_cursor(0)[1] == 5
  end)

  if vim.lsp.buf.formatting_sync then
    vim.lsp.buf.formatting_sync(nil, PATIENCE)
  else
    vim.lsp.buf.format({ timeout_ms = PATIENCE })
  end
  check("formatting", line(2) == "data digits" and line(7) == "  relearn dauer", lines())

  local symbols = request("documentSymbol", { textDocument = here().textDocument })
  check("outline", #symbols == 6, symbols)
  local lens = request("codeLens", { textDocument = here().textDocument })[1]
  check("lens", lens.command.title:find("^20 epochs · "), lens)

  if vim.lsp.inlay_hint then
    vim.lsp.inlay_hint.enable(true, { bufnr = 0 })
    await("inlay hints", function()
      return vim.lsp.inlay_hint.get({ bufnr = 0 })[1]
    end)
  end
  if vim.lsp.semantic_tokens then
    local column = line(5):find("dauer", 1, true) - 1
    local token = await("semantic tokens", function()
      return (vim.lsp.semantic_tokens.get_at_pos(0, 4, column) or {})[1]
    end)
    check("meaning of a name", token.type == "variable" and token.modifiers.declaration, token)
  end

  -- Typed one key after the other, as people do.
  vim.api.nvim_feedkeys("Gozap hea", "xt", false)
  await("diagnostic of what was typed", function()
    return #vim.diagnostic.get(0, { severity = vim.diagnostic.severity.ERROR }) > 0
  end)
  vim.cmd("silent undo")
  await("undone", function()
    return #vim.diagnostic.get(0, { severity = vim.diagnostic.severity.ERROR }) == 0
  end)
  vim.cmd("silent write")
  check("written", vim.fn.readfile(file)[7] == "  relearn dauer", vim.fn.readfile(file))
end

local folder = vim.fn.tempname()
vim.fn.mkdir(folder, "p")
local file = folder .. "/program 漢.fsched"
vim.fn.writefile(BROKEN, file)
local started = uv.hrtime()
local passed, why = pcall(run, file)
vim.fn.delete(folder, "rf")
local version = vim.version()
local name = ("nvim %d.%d.%d"):format(version.major, version.minor, version.patch)
if passed then
  local seconds = (uv.hrtime() - started) / 1e9
  finish(0, ("language server in %s: %d checks passed in %.1f s"):format(name, #done, seconds))
else
  finish(1, ("language server in %s: FAILED after %d checks: %s"):format(name, #done, why))
end
