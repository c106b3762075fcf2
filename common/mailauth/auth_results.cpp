#include "common/mailauth/auth_results.h"

#include <algorithm>
#include <optional>

#include "common/base/text.h"
#include "common/mail/address.h"

namespace pennypost {
namespace {

constexpr std::string_view field_name = "Authentication-Results";

/// RFC 2045 section 5.1.
bool is_token(char c) {
  return c > ' ' && c < 0x7f &&
         std::string_view("()<>@,;:\\\"/[]?=").find(c) == std::string_view::npos;
}
bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return is_token(c); });
}

/// RFC 8601 section 2.2: `value`, or an address whose local part needs no quotes.
bool is_plain(std::string_view text) {
  auto at = text.find('@');
  if (at == text.npos) return is_token(text);
  auto local = text.substr(0, at);
  auto dot_string = [](std::string_view part) {
    return std::ranges::all_of(part,
                               [](char c) { return (is_atext(c) && is_ascii(c)) || c == '.'; });
  };
  return dot_string(local) && is_token(text.substr(at + 1));
}

/// Printable ASCII in at most auth_value_bytes_max octets.
std::string shown(std::string_view text) {
  std::string out(text.substr(0, auth_value_bytes_max));
  std::ranges::replace_if(
      out, [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

std::string value_of(std::string_view text) {
  auto plain = shown(text);
  if (is_plain(plain)) return plain;
  std::string out = "\"";
  for (char c : plain) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

/// Adds words to a field and folds it before those that do not fit.
class Folder {
 public:
  explicit Folder(std::size_t column) : column_(column) {}
  void word(std::string_view text) {
    if (column_ + 1 + text.size() >= fold_line_bytes) return new_line(text);
    add(out_, ' ', text);
    column_ += 1 + text.size();
  }
  void new_line(std::string_view text) {
    add(out_, "\r\n ", text);
    column_ = 1 + text.size();
  }
  const std::string& text() const { return out_; }

 private:
  std::string out_;
  std::size_t column_;
};

/// Removes blanks, line ends and comments from the front; false if a comment does not end.
bool skip_comments(std::string_view& text) {
  std::size_t depth = 0;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    char c = text[at];
    if (depth > 0 && c == '\\') {
      ++at;
    } else if (c == '(') {
      ++depth;
    } else if (depth > 0 && c == ')') {
      --depth;
    } else if (depth == 0 && !is_space(c)) {
      break;
    }
  }
  text.remove_prefix(std::min(at, text.size()));
  return depth == 0;
}

/// Removes a quoted string from the front; nothing if it does not end.
std::optional<std::string> take_quoted(std::string_view& text) {
  std::string meaning;
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '"') {
      text.remove_prefix(at + 1);
      return meaning;
    }
    if (text[at] == '\\' && at + 1 < text.size()) ++at;
    if (text[at] != '\r' && text[at] != '\n') meaning += text[at];
  }
  return {};
}

/// The name at the front of a field's body, leniently: up to the first octet that no token has.
/// Nothing if readers may differ about it.
std::optional<std::string> authserv_id_of(std::string_view body) {
  if (!skip_comments(body) || body.empty()) return {};
  if (body.front() != '"') {
    auto end = std::ranges::find_if(body, [](char c) { return is_ascii(c) && !is_token(c); });
    auto id = body.substr(0, static_cast<std::size_t>(end - body.begin()));
    body.remove_prefix(id.size());
    // An encoded word, which has no place here.
    if (id.empty() || !skip_comments(body)) return {};
    return std::string(id);
  }
  auto id = take_quoted(body);
  if (!id) return {};
  bool ends = body.empty() || is_space(body.front()) || body.front() == ';' || body.front() == '(';
  if (!ends || !skip_comments(body)) return {};
  return std::string(trim(*id));
}

/// One text for all spellings of a host's name.
std::string folded_id(std::string_view id) {
  auto domain = Domain::parse(id, Utf8::Allowed);
  return domain ? lower(domain->key()) : lower(id);
}

}  // namespace

AuthMethod auth_method(const SpfResult& result, std::string_view sender, std::string_view helo) {
  AuthMethod method{"spf", std::string(name_of(result.status)), result.reason, {}};
  if (sender.empty()) {
    method.properties.push_back({"smtp", "helo", std::string(helo)});
  } else {
    method.properties.push_back({"smtp", "mailfrom", std::string(sender)});
  }
  return method;
}

AuthMethod auth_method(const DkimResult& result) {
  AuthMethod method{"dkim", std::string(name_of(result.status)), result.reason, {}};
  if (result.key_bits > 0) {
    method.properties.push_back({"policy", "key-bits", std::to_string(result.key_bits)});
  }
  if (result.domain.empty()) return method;
  method.properties.push_back({"header", "d", result.domain});
  if (!result.identity.empty()) method.properties.push_back({"header", "i", result.identity});
  method.properties.push_back({"header", "s", result.selector});
  method.properties.push_back({"header", "a", result.algorithm});
  method.properties.push_back({"header", "b", result.signature_start});
  std::erase_if(method.properties, [](const auto& property) { return property.value.empty(); });
  return method;
}

AuthMethod auth_method(const DmarcResult& result) {
  AuthMethod method{"dmarc", std::string(name_of(result.status)), result.reason, {}};
  if (!result.author_domain.empty()) {
    method.properties.push_back({"header", "from", result.author_domain});
  }
  if (result.record) {
    method.properties.push_back(
        {"policy", "published-domain-policy", std::string(name_of(result.policy))});
  }
  return method;
}

AuthMethod auth_method(const ArcResult& result) {
  AuthMethod method{"arc", std::string(name_of(result.status)), result.reason, {}};
  if (!result.hops.empty()) {
    method.properties.push_back({"header", "d", result.hops.back().domain});
  }
  return method;
}

std::string auth_results_body(std::string_view authserv_id,
                              const std::vector<AuthMethod>& methods) {
  auto id = value_of(authserv_id);
  Folder folder(field_name.size() + 2 + id.size() + 1);
  if (methods.empty()) folder.word("none");
  for (std::size_t i = 0; i < methods.size(); ++i) {
    const auto& method = methods[i];
    std::vector<std::string> words{method.method + "=" + method.result};
    if (!method.reason.empty()) words.push_back("reason=" + value_of(method.reason));
    for (const auto& property : method.properties) {
      words.push_back(property.type + "." + property.name + "=" + value_of(property.value));
    }
    if (i + 1 < methods.size()) words.back() += ';';
    folder.new_line(words.front());
    for (std::size_t k = 1; k < words.size(); ++k) folder.word(words[k]);
  }
  return id + ";" + folder.text();
}

std::string auth_results_field(std::string_view authserv_id,
                               const std::vector<AuthMethod>& methods) {
  return std::string(field_name) + ": " + auth_results_body(authserv_id, methods) + "\r\n";
}

bool bears_authserv_id(std::string_view body, const std::vector<std::string>& ids) {
  auto id = authserv_id_of(body);
  if (!id) return true;
  auto folded = folded_id(*id);
  return std::ranges::any_of(ids, [&](const auto& own) { return folded_id(own) == folded; });
}

std::vector<Edit> remove_auth_results(std::string_view text, const std::vector<std::string>& ids) {
  std::vector<Edit> edits;
  for (const auto& field : HeaderFields(text)) {
    if (!field.is(field_name) || !bears_authserv_id(field.body, ids)) continue;
    auto offset = static_cast<std::size_t>(field.whole.data() - text.data());
    edits.push_back({offset, field.whole.size(), {}});
  }
  return edits;
}

}  // namespace pennypost
