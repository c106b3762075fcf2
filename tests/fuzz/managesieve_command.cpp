// Octets from a ManageSieve client in: the reader of commands and responses must answer, within
// bounds, and keep to what the client sent.
//
// The first octet chooses the size of the pieces that the input arrives in.
#include <algorithm>
#include <cstddef>
#include <string_view>

#include "common/base/assert.h"
#include "imapd/managesieve/dialogue.h"

using namespace pennypost;
using namespace pennypost::imap::managesieve;
using Read = CommandReader::Event;

namespace {

constexpr CommandLimits limits{200, 500};
constexpr std::string_view shapes[] = {"", "s", "ss", "sn", "?s", "s?s"};

void look_at(const CommandReader& reader, Read event) {
  const Command& command = reader.command();
  ASSERT(command.name.size() <= name_bytes_max && command.arguments.size() <= arguments_max);
  for (const auto& argument : command.arguments) {
    ASSERT(argument.text.size() <= limits.literal_bytes);
    ASSERT(argument.number <= number_max);
  }
  if (event == Read::Refused) {
    ASSERT(!Reply(reader.error()).line().empty());
    return;
  }
  for (auto shape : shapes) (void)argument_problem(command, shape);
  ASSERT(shown(command).find('\n') == std::string::npos);
}

void read_all(std::string_view text, std::size_t piece_bytes, bool is_response) {
  CommandReader reader(limits);
  if (is_response) reader.expect_response();
  while (!text.empty()) {
    auto piece = text.substr(0, piece_bytes);
    auto before = piece.size();
    auto event = reader.take(piece);
    ASSERT(piece.size() <= before);
    text.remove_prefix(before - piece.size());
    if (event == Read::NeedBytes) {
      ASSERT(piece.empty());
      continue;
    }
    if (event == Read::Abandon) return;
    look_at(reader, event);
    reader.reset();
    if (is_response) reader.expect_response();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::size_t piece_bytes = data[0] == 0 ? 1 : data[0];
  read_all(text, piece_bytes, false);
  read_all(text, piece_bytes, true);
  return 0;
}
