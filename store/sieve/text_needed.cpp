#include "store/sieve/text_needed.h"

#include <algorithm>
#include <array>

namespace pennypost::store::sieve {
namespace {

constexpr std::array of_the_whole{
    Extension::Body,        Extension::DovecotExecute, Extension::DovecotFilter,
    Extension::DovecotPipe, Extension::EditHeader,     Extension::Enclose,
    Extension::ExtractText, Extension::ForEveryPart,   Extension::Include,
    Extension::Mime,        Extension::Replace};

bool has_size_test(const std::vector<Command>& commands) {
  return std::ranges::any_of(commands, [](const Command& command) {
    return command.row->name == "size" || has_size_test(command.tests) ||
           has_size_test(command.block);
  });
}

}  // namespace

bool needs_header_only(const Script& script) {
  bool looks_inside = std::ranges::any_of(
      of_the_whole, [&](Extension extension) { return script.extensions.has(extension); });
  return !looks_inside && !has_size_test(script.commands);
}

}  // namespace pennypost::store::sieve
