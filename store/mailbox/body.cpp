#include "store/mailbox/body.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "common/base/file.h"
#include "common/base/text.h"
#include "store/mailbox/file.h"

namespace pennypost::store {
namespace {

constexpr std::size_t block_bytes = 64 * 1024;

// Drops each CR that is followed by an LF; a CR at a block's end waits for the next block.
class LineEndConverter {
 public:
  explicit LineEndConverter(const BlockSink& sink) : sink_(sink) { out_.reserve(block_bytes + 1); }

  Result<void> convert(std::string_view block) {
    if (block.empty()) return {};
    out_.clear();
    if (pending_cr_ && block.front() != '\n') out_ += '\r';
    pending_cr_ = false;
    while (!block.empty()) {
      auto cr = block.find('\r');
      out_ += block.substr(0, cr);
      if (cr == std::string_view::npos) break;
      block.remove_prefix(cr + 1);
      if (block.empty()) {
        pending_cr_ = true;
      } else if (block.front() != '\n') {
        out_ += '\r';
      }
    }
    if (out_.empty()) return {};
    return sink_(out_);
  }

  Result<void> finish() {
    if (!pending_cr_) return {};
    pending_cr_ = false;
    return sink_("\r");
  }

 private:
  const BlockSink& sink_;
  std::string out_;
  bool pending_cr_ = false;
};

Result<void> convert_text(std::string_view text, LineEndConverter& converter) {
  while (!text.empty()) {
    auto block = text.substr(0, block_bytes);
    TRY_DO(converter.convert(block));
    text.remove_prefix(block.size());
  }
  return {};
}

Result<void> convert_file(FileRange range, LineEndConverter& converter) {
  std::string buffer(std::min<std::uint64_t>(range.length, block_bytes), '\0');
  while (range.length > 0) {
    auto wanted = std::min<std::uint64_t>(range.length, buffer.size());
    TRY(auto got,
        read_at(range.descriptor, std::span(buffer.data(), wanted), range.offset, "the message"));
    if (got == 0) return too_short("the message");
    TRY_DO(converter.convert(std::string_view(buffer).substr(0, got)));
    range.offset += got;
    range.length -= got;
  }
  return {};
}

}  // namespace

Result<void> for_each_block(const Pieces& pieces, const BlockSink& sink) {
  LineEndConverter converter(sink);
  for (const auto& piece : pieces) {
    if (const auto* text = std::get_if<std::string_view>(&piece)) {
      TRY_DO(convert_text(*text, converter));
    } else {
      TRY_DO(convert_file(std::get<FileRange>(piece), converter));
    }
  }
  return converter.finish();
}

std::uint64_t octets_of(const Pieces& pieces) {
  std::uint64_t octets = 0;
  for (const auto& piece : pieces) {
    const auto* text = std::get_if<std::string_view>(&piece);
    octets += text != nullptr ? text->size() : std::get<FileRange>(piece).length;
  }
  return octets;
}

void LineEndCounter::count(std::string_view block) {
  bytes_ += block.size();
  char before = last_;
  for (auto rest = block; !rest.empty();) {
    auto line_feed = rest.find('\n');
    if (line_feed == std::string_view::npos) break;
    if ((line_feed == 0 ? before : rest[line_feed - 1]) != '\r') ++bare_line_feeds_;
    before = '\n';
    rest.remove_prefix(line_feed + 1);
  }
  if (!block.empty()) last_ = block.back();
}

std::string header_value(std::string_view text) {
  std::string value(text);
  std::ranges::replace_if(
      value, [](char c) { return is_control(c); }, '?');
  return value;
}

}  // namespace pennypost::store
