#include "store/sieve/where_kept.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace pennypost::store::sieve {
namespace {

constexpr std::array<std::string_view, 6> without_copy{"discard", "ereject",  "include",
                                                       "pipe",    "redirect", "reject"};

void add_folder(const Command& command, WhereKept& where) {
  const auto& names = command.arguments.front().strings;
  bool is_known = names.size() == 1 && !names.front().has_variables;
  // RFC 8579: the folder with that use, whatever its name is.
  if (!is_known || command.has(Tag::SpecialUse)) {
    where.is_anywhere = true;
  } else {
    where.folders.push_back(names.front().text);
  }
}

void add_commands(const std::vector<Command>& commands, WhereKept& where) {
  for (const auto& command : commands) {
    auto name = command.row->name;
    // RFC 3894: with :copy the implicit keep stays.
    bool may_be_last = std::ranges::find(without_copy, name) != without_copy.end();
    if (may_be_last && !command.has(Tag::Copy)) where.is_certain = false;
    if (name == "fileinto") add_folder(command, where);
    add_commands(command.block, where);
  }
}

}  // namespace

void add_where_kept(const Script& script, WhereKept& where) {
  add_commands(script.commands, where);
}

}  // namespace pennypost::store::sieve
