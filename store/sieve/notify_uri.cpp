// Decodes a mailto: URI piece by piece.
#include "store/sieve/notify_uri.h"

#include "common/base/text.h"
#include "common/mail/address_list.h"
#include "common/mail/header.h"
#include "store/sieve/limits.h"

namespace pennypost::store::sieve {
namespace {

constexpr std::string_view scheme = "mailto:";

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  char folded = to_lower(c);
  return folded >= 'a' && folded <= 'f' ? folded - 'a' + 10 : -1;
}

Result<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low < 0) {
      return Error::permanent("in a URI % must be followed by two hex digits, as in %20");
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

Result<void> add_recipient(MailtoUri& out, const ListedAddress& listed) {
  auto address = listed.address();
  if (!address || !address->domain()) {
    return Error::permanent("\"" + printable(listed.text(), 100) +
                            "\" is no mail address with a domain; write mailto:ann@example.org");
  }
  if (out.recipients.size() == notify_recipients_max) {
    return Error::permanent("a notification has at most " + std::to_string(notify_recipients_max) +
                            " recipients");
  }
  out.recipients.push_back(address->text());
  return {};
}

/// Commas part addresses, whether they are encoded or not.
Result<void> add_recipients(MailtoUri& out, std::string_view list) {
  TRY(auto text, percent_decoded(list));
  for (const auto& listed : parse_address_list(text)) {
    TRY_DO(add_recipient(out, listed));
  }
  return {};
}

/// RFC 5436 section 2.3: these are ours to write.
bool is_own_field(std::string_view name) {
  for (std::string_view own :
       {"from", "sender", "reply-to", "date", "message-id", "received", "auto-submitted", "bcc",
        "cc", "mime-version", "content-type", "content-transfer-encoding", "return-path"}) {
    if (equal_nocase(name, own)) return true;
  }
  return starts_with_nocase(name, "resent-");
}

Result<void> add_field(MailtoUri& out, std::string_view pair) {
  auto equals = pair.find('=');
  if (equals == std::string_view::npos) {
    return Error::permanent("in a mailto URI each field after ? is written name=value");
  }
  TRY(auto name, percent_decoded(pair.substr(0, equals)));
  if (equal_nocase(name, "to")) return add_recipients(out, pair.substr(equals + 1));
  TRY(auto value, percent_decoded(pair.substr(equals + 1)));
  if (!is_field_name(name)) {
    return Error::permanent("\"" + printable(name, 100) + "\" is no name of a header field");
  }
  if (equal_nocase(name, "subject")) {
    out.subject = std::move(value);
  } else if (equal_nocase(name, "body")) {
    out.body = std::move(value);
  } else if (!is_own_field(name)) {
    out.fields.emplace_back(std::move(name), std::move(value));
  }
  return {};
}

}  // namespace

Result<MailtoUri> parse_mailto(std::string_view uri) {
  if (!starts_with_nocase(uri, scheme)) {
    return Error::permanent("there is no way to notify \"" + printable(uri, 100) +
                            "\"; there is mailto:ADDRESS");
  }
  uri.remove_prefix(scheme.size());
  auto question = std::min(uri.find('?'), uri.size());
  MailtoUri out;
  TRY_DO(add_recipients(out, uri.substr(0, question)));
  if (question < uri.size()) {
    for (auto pair : split(uri.substr(question + 1), '&')) {
      if (pair.empty()) continue;
      TRY_DO(add_field(out, pair));
    }
  }
  if (out.recipients.empty()) {
    return Error::permanent("the URI names no recipient; write mailto:ann@example.org");
  }
  return out;
}

}  // namespace pennypost::store::sieve
