#include "store/filtering/message_text.h"

#include <algorithm>

#include "common/base/file.h"
#include "store/mailbox/body.h"

namespace pennypost::store {
namespace {

constexpr std::uint64_t part_bytes = 16 * 1024;

std::mutex& one_large_message() {
  static std::mutex mutex;
  return mutex;
}

/// Whether the end of the header is in `text`, of which `searched` octets have been looked at.
bool has_header_end(std::string_view text, std::size_t searched) {
  auto from = searched < 3 ? 0 : searched - 3;
  return text.find("\n\n", from) != text.npos || text.find("\n\r\n", from) != text.npos;
}

}  // namespace

Result<std::string_view> MessageText::header() {
  if (whole_) return std::string_view(*whole_);
  if (header_) return std::string_view(*header_);
  std::string text;
  auto take = [&text](std::string_view part) {
    auto searched = text.size();
    text += part;
    return has_header_end(text, searched) || text.size() >= filtered_header_bytes_max;
  };
  bool is_done = false;
  for (const auto& piece : pieces_) {
    if (is_done) break;
    if (const auto* view = std::get_if<std::string_view>(&piece)) {
      is_done = take(*view);
      continue;
    }
    const auto& range = std::get<FileRange>(piece);
    for (std::uint64_t from = 0; from < range.length && !is_done; from += part_bytes) {
      auto length = std::min(part_bytes, range.length - from);
      TRY(auto part, read_exactly(range.descriptor, range.offset + from, length, "the message"));
      is_done = take(part);
    }
  }
  header_ = std::move(text);
  return std::string_view(*header_);
}

Result<std::string_view> MessageText::whole() {
  if (whole_) return std::string_view(*whole_);
  auto octets = octets_of(pieces_);
  if (octets > large_message_bytes) large_ = std::unique_lock(one_large_message());
  std::string text;
  text.reserve(octets);
  TRY_DO(for_each_block(pieces_, [&text](std::string_view block) -> Result<void> {
    text += block;
    return {};
  }));
  whole_ = std::move(text);
  return std::string_view(*whole_);
}

}  // namespace pennypost::store
