#include "imapd/grammar/message_url.h"

#include <algorithm>

#include "common/base/percent.h"
#include "common/base/text.h"

namespace pennypost::imap {
namespace {

constexpr std::size_t url_bytes_shown = 200;
constexpr std::string_view uid_mark = ";UID=";

// Takes a leading `mark`, in any case.
bool skip(std::string_view& rest, std::string_view mark) {
  if (!starts_with_nocase(rest, mark)) return false;
  rest.remove_prefix(mark.size());
  return true;
}

// What stands before the next `/;`, which stays.
std::string_view take_value(std::string_view& rest) {
  auto value = rest.substr(0, rest.find("/;"));
  rest.remove_prefix(value.size());
  return value;
}

std::optional<std::uint32_t> nz_number(std::string_view text) {
  auto value = parse_number(text);
  if (!value || *value == 0 || *value > UINT32_MAX) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

// `a`, or `a.b`: from octet a on, all or b octets.
std::optional<Partial> partial_of(std::string_view text) {
  auto dot = text.find('.');
  auto offset = parse_number(text.substr(0, dot));
  Partial partial;
  partial.count = UINT64_MAX;
  if (!offset) return std::nullopt;
  partial.offset = *offset;
  if (dot == std::string_view::npos) return partial;
  auto count = parse_number(text.substr(dot + 1));
  if (!count || *count == 0) return std::nullopt;
  partial.count = *count;
  return partial;
}

class UrlParser {
 public:
  UrlParser(std::string_view url, const Limits& limits) : rest_(url), limits_(limits) {}

  // What is wrong; "" for nothing.
  std::string_view parse(MessageUrl& url) {
    auto uid_at = find_nocase(rest_, uid_mark);
    if (uid_at == std::string_view::npos) return "it names no message";
    auto mailbox = rest_.substr(0, uid_at);
    rest_.remove_prefix(uid_at + uid_mark.size());
    if (auto wrong = mailbox_of(mailbox, url); !wrong.empty()) return wrong;
    auto uid = nz_number(take_value(rest_));
    if (!uid) return "its UID is no number";
    url.uid = *uid;
    if (skip(rest_, "/;SECTION=") && !section_of(take_value(rest_), url)) {
      return "its section is none";
    }
    if (skip(rest_, "/;PARTIAL=")) {
      url.partial = partial_of(take_value(rest_));
      if (!url.partial) return "its PARTIAL is none";
    }
    return rest_.empty() ? "" : "something follows that is not known";
  }

 private:
  // `/enc-mailbox[;UIDVALIDITY=n]/`, or `/`, or nothing.
  static std::string_view mailbox_of(std::string_view text, MessageUrl& url) {
    if (text.empty() || text == "/") return "";
    bool is_path = text.front() == '/' && text.back() == '/' && !text.starts_with("//");
    if (!is_path) return "only URLs of this account, without a host, are known here";
    text = text.substr(1, text.size() - 2);
    constexpr std::string_view validity_mark = ";UIDVALIDITY=";
    auto validity_at = find_nocase(text, validity_mark);
    if (validity_at != std::string_view::npos) {
      url.uid_validity = nz_number(text.substr(validity_at + validity_mark.size()));
      if (!url.uid_validity) return "its UIDVALIDITY is no number";
      text = text.substr(0, validity_at);
    }
    url.mailbox = percent_decode(text);
    return url.mailbox && !url.mailbox->empty() ? "" : "its mailbox is not properly encoded";
  }

  bool section_of(std::string_view text, MessageUrl& url) const {
    auto decoded = percent_decode(text);
    if (!decoded || decoded->empty()) return false;
    *decoded += ']';
    Cursor cursor(*decoded, limits_);
    auto section = parse_section(cursor);
    if (!section || !cursor.at_end()) return false;
    url.section = *std::move(section);
    return true;
  }

  std::string_view rest_;
  const Limits& limits_;
};

}  // namespace

Error bad_url(std::string_view url, std::string_view why) {
  auto shown = printable(url, url_bytes_shown);
  std::ranges::replace(shown, ']', '?');
  return Error(550, "[BADURL " + shown + "] The URL can't be used: " + std::string(why));
}

Result<MessageUrl> parse_message_url(std::string_view url, const Limits& limits) {
  MessageUrl parsed;
  auto wrong = UrlParser(url, limits).parse(parsed);
  if (!wrong.empty()) return bad_url(url, wrong);
  return parsed;
}

}  // namespace pennypost::imap
