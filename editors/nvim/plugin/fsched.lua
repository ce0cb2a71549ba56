-- Starts the language server for fsched programs, unless `vim.g.fsched_lsp` is false, and tree-sitter's colours where its
-- parser is installed.
if vim.g.loaded_fsched then
  return
end
vim.g.loaded_fsched = true
local wanted = vim.g.fsched_lsp ~= false

if wanted and vim.lsp.enable and require("fsched").executable() then
  vim.lsp.enable("fsched")
end

vim.api.nvim_create_autocmd("FileType", {
  pattern = "fsched",
  callback = function(event)
    vim.api.nvim_buf_create_user_command(event.buf, "FschedPlan", function()
      require("fsched").plan(event.buf)
    end, { desc = "show the plan of this program" })
    if vim.treesitter.start then
      pcall(vim.treesitter.start, event.buf, "fsched")
    end
    if wanted and vim.lsp.enable then
      require("fsched").found()
    elseif wanted then
      require("fsched").start(event.buf)
    end
  end,
})
