#include "imapd/search/text_scan.h"

namespace pennypost::imap {
namespace {

store::TextWalk::Headers headers_for(TextScan::Asked asked) {
  return asked == TextScan::Asked::Body ? store::TextWalk::Headers::Without
                                        : store::TextWalk::Headers::With;
}

}  // namespace

TextScan::TextScan(const KeySet& keys, std::string message, Asked asked)
    : body_(keys), headers_(keys), asked_(asked) {
  walk_.emplace(std::move(message), headers_for(asked));
  end_if_done();
}

std::int64_t TextScan::advance(std::int64_t octets) {
  std::int64_t cost = 0;
  while (cost < octets && !is_done()) {
    cost += walk_->step(*this);
    end_if_done();
  }
  return cost;
}

void TextScan::end_if_done() {
  if (walk_->is_done() || body_.has_all()) walk_.reset();
}

void TextScan::field(const HeaderField&, std::string_view line) {
  auto& scan = asked_ == Asked::Text ? body_ : headers_;
  scan.feed(line);
  scan.end_text();
}

}  // namespace pennypost::imap
