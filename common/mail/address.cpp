#include "common/mail/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <vector>

#include "common/base/text.h"
#include "common/mail/idn.h"
#include "common/mail/unicode.h"

namespace pennypost {
namespace {

Error syntax(std::string_view why) {
  return Error(501, "5.1.3", "Bad address syntax: " + std::string(why));
}

/// The normal form of an address literal without its brackets: `192.0.2.1` or `IPv6:2001:db8::1`.
std::optional<std::string> canonical_literal(std::string_view inside) {
  char printed[INET6_ADDRSTRLEN];
  if (starts_with_nocase(inside, "IPv6:")) {
    in6_addr six{};
    if (inet_pton(AF_INET6, std::string(inside.substr(5)).c_str(), &six) != 1) return {};
    if (IN6_IS_ADDR_V4MAPPED(&six)) {
      return std::string(inet_ntop(AF_INET, six.s6_addr + 12, printed, sizeof printed));
    }
    return "IPv6:" + std::string(inet_ntop(AF_INET6, &six, printed, sizeof printed));
  }
  in_addr four{};
  if (inet_pton(AF_INET, std::string(inside).c_str(), &four) != 1) return {};
  return std::string(inet_ntop(AF_INET, &four, printed, sizeof printed));
}

bool is_label(std::string_view label) {
  if (label.empty() || label.size() > domain_label_bytes_max) return false;
  if (label.front() == '-' || label.back() == '-') return false;
  return std::ranges::all_of(label, [](char c) { return is_alnum(c) || c == '-' || c == '_'; });
}

/// Whether `name` in A-labels is a domain; one whose last label is a number would be an IPv4
/// address.
bool is_host_name(std::string_view name) {
  if (name.empty() || name.size() > domain_bytes_max) return false;
  auto labels = split(name, '.');
  return std::ranges::all_of(labels, is_label) &&
         !std::ranges::all_of(labels.back(), [](char c) { return is_digit(c); });
}

bool is_dot_string(std::string_view local) {
  if (local.empty() || local.front() == '.' || local.back() == '.') return false;
  if (local.find("..") != std::string_view::npos) return false;
  return std::ranges::all_of(local, [](char c) { return c == '.' || is_atext(c); });
}

/// Removes a source route `@a,@b:` from a path (RFC 5321 appendix C: accept and ignore it).
Result<std::string_view> without_route(std::string_view path, Utf8 utf8) {
  if (!path.starts_with('@')) return path;
  // A colon in an IPv6 literal does not end the route.
  bool in_literal = false;
  auto end = std::ranges::find_if(path, [&](char c) {
    if (c == '[' || c == ']') in_literal = c == '[';
    return c == ':' && !in_literal;
  });
  if (end == path.end()) return syntax("source route without an address");
  auto route = path.substr(0, static_cast<std::size_t>(end - path.begin()));
  for (auto hop : split(route, ',')) {
    if (!hop.starts_with('@')) return syntax("source route");
    TRY([[maybe_unused]] auto checked, Domain::parse(hop.substr(1), utf8));
  }
  return path.substr(route.size() + 1);
}

/// Removes a quoted-string from the front of `text` and returns its meaning.
std::optional<std::string> take_quoted(std::string_view& text) {
  std::string meaning;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return meaning;
    }
    if (text[i] == '\\' && ++i == text.size()) return {};
    meaning += text[i];
  }
  return {};
}

}  // namespace

bool is_atext(char c) {
  return is_alnum(c) || !is_ascii(c) ||
         std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

Result<Domain> Domain::parse(std::string_view text, Utf8 utf8) {
  if (text.size() > domain_bytes_max + 1) return syntax("domain too long");
  if (std::ranges::any_of(text, is_control)) return syntax("control character in domain");
  if (text.starts_with('[')) {
    if (!text.ends_with(']')) return syntax("address literal without ]");
    auto literal = canonical_literal(text.substr(1, text.size() - 2));
    if (!literal) return syntax("address literal");
    return Domain(std::string(text), "[" + *literal + "]");
  }
  if (text.ends_with('.')) text.remove_suffix(1);
  if (is_ascii(text)) {
    if (!is_host_name(text)) return syntax("domain");
    return Domain(std::string(text), lower(text));
  }
  if (utf8 == Utf8::Refused) return syntax("UTF-8 in a domain without SMTPUTF8");
  if (!is_utf8(text)) return syntax("domain");
  auto ascii = domain_to_ascii(text);
  if (!ascii || !is_host_name(*ascii)) return syntax("internationalised domain");
  return Domain(std::string(text), *std::move(ascii));
}

std::string Domain::unicode() const { return domain_to_unicode(key_); }

std::optional<std::string> Domain::literal_address() const {
  if (!is_literal()) return {};
  auto inside = std::string_view(key_).substr(1, key_.size() - 2);
  if (inside.starts_with("IPv6:")) inside.remove_prefix(5);
  return std::string(inside);
}

Result<MailAddress> MailAddress::make(std::string_view local, std::optional<Domain> domain,
                                      Utf8 utf8) {
  if (local.empty()) return syntax("empty local part");
  if (local.size() > local_part_bytes_max) return syntax("local part too long");
  if (std::ranges::any_of(local, is_control)) return syntax("control character in local part");
  if (!is_ascii(local)) {
    if (utf8 == Utf8::Refused) return syntax("UTF-8 in a local part without SMTPUTF8");
    if (!is_utf8(local)) return syntax("local part is not UTF-8");
  }
  MailAddress address;
  address.local_ = local;
  address.domain_ = std::move(domain);
  return address;
}

Result<MailAddress> MailAddress::parse(std::string_view text, Utf8 utf8) {
  if (text.size() > path_bytes_max) return syntax("address too long");
  std::string local;
  if (text.starts_with('"')) {
    auto quoted = take_quoted(text);
    if (!quoted) return syntax("quoted local part without its end");
    local = *std::move(quoted);
  } else {
    auto end = std::ranges::find_if(text, [](char c) { return !is_atext(c) && c != '.'; });
    auto length = static_cast<std::size_t>(end - text.begin());
    local = text.substr(0, length);
    text.remove_prefix(length);
  }
  if (text.empty()) return make(local, {}, utf8);
  if (!text.starts_with('@')) return syntax("local part");
  TRY(auto domain, Domain::parse(text.substr(1), utf8));
  return make(local, std::move(domain), utf8);
}

Result<MailAddress> MailAddress::parse_path(std::string_view text, Utf8 utf8) {
  if (text.starts_with('<')) {
    if (!text.ends_with('>')) return syntax("path without >");
    text = text.substr(1, text.size() - 2);
    if (text.empty()) return MailAddress();
  }
  if (text.size() > path_bytes_max) return syntax("path too long");
  TRY(auto address, without_route(text, utf8));
  return parse(address, utf8);
}

std::string MailAddress::text() const {
  auto text = quote_local_part(local_);
  return domain_ ? text + "@" + domain_->text() : text;
}

bool MailAddress::needs_smtputf8() const { return !is_ascii(local_); }

MailAddress MailAddress::with_ascii_domain() const {
  if (!domain_ || is_ascii(domain_->text())) return *this;
  auto ascii = Domain::parse(domain_->key());
  ASSERT(ascii.has_value());
  return with_domain(*std::move(ascii));
}

MailAddress MailAddress::with_domain(Domain domain) const {
  MailAddress other = *this;
  if (!is_null()) other.domain_ = std::move(domain);
  return other;
}

Result<MailAddress> MailAddress::with_local(std::string_view local) const {
  return make(local, domain_);
}

std::string MailAddress::key() const {
  auto text = quote_local_part(local_);
  return domain_ ? text + "@" + domain_->key() : text;
}

std::string MailAddress::folded_key() const {
  auto text = unicode_lower(quote_local_part(local_));
  return domain_ ? text + "@" + domain_->key() : text;
}

std::optional<HiddenRoute> MailAddress::hidden_route() const {
  auto route = [&](HiddenRoute::Kind kind, std::size_t at, bool user_first) {
    auto before = local_.substr(0, at);
    auto behind = local_.substr(at + 1);
    return user_first ? HiddenRoute{kind, before, behind} : HiddenRoute{kind, behind, before};
  };
  if (auto at = local_.rfind('@'); at != std::string::npos) {
    return route(HiddenRoute::Kind::At, at, true);
  }
  if (auto bang = local_.find('!'); bang != std::string::npos) {
    return route(HiddenRoute::Kind::Bang, bang, false);
  }
  if (auto percent = local_.rfind('%'); percent != std::string::npos) {
    return route(HiddenRoute::Kind::Percent, percent, true);
  }
  return {};
}

SubAddress split_sub_address(std::string_view local, std::string_view delimiters) {
  auto whole = SubAddress{std::string(local), {}};
  if (equal_nocase(local, "postmaster") || equal_nocase(local, "mailer-daemon")) return whole;
  if (delimiters.find('-') != std::string_view::npos &&
      (starts_with_nocase(local, "owner-") || ends_with_nocase(local, "-request"))) {
    return whole;
  }
  auto at = local.find_first_of(delimiters);
  if (at == 0 || at == std::string_view::npos) return whole;
  return {std::string(local.substr(0, at)), std::string(local.substr(at + 1))};
}

std::string quote_local_part(std::string_view local) {
  if (local.empty() || is_dot_string(local)) return std::string(local);
  std::string quoted = "\"";
  for (char c : local) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace pennypost
