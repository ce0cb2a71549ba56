-- Starts the language server for fsched programs, unless `vim.g.fsched_lsp` is false.
if vim.g.fsched_lsp == false or vim.g.loaded_fsched then
  return
end
vim.g.loaded_fsched = true

if vim.lsp.enable then
  vim.lsp.enable("fsched")
else
  vim.api.nvim_create_autocmd("FileType", {
    pattern = "fsched",
    callback = function(event)
      require("fsched").start(event.buf)
    end,
  })
end
