#include "common/mailauth/auth_results_parser.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/text.h"

namespace pennypost {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;  // name=value, quotes removed

/// Reads a body from its front to its end.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  /// The pairs up to the next semicolon or the end. Nothing if a comment or a quoted string does
  /// not end.
  std::optional<Pairs> segment() {
    Pairs pairs;
    while (skip_blanks() && !rest_.empty() && rest_.front() != ';') {
      auto name = word("=;");
      if (!skip_blanks()) return {};
      if (rest_.empty() || rest_.front() != '=') continue;  // such as the authserv-id
      rest_.remove_prefix(1);
      if (!skip_blanks()) return {};
      auto value = this->value();
      if (!value) return {};
      if (pairs.size() <= auth_methods_max) pairs.emplace_back(lower(name), *std::move(value));
    }
    if (is_broken_) return {};
    if (!rest_.empty()) rest_.remove_prefix(1);
    return pairs;
  }
  bool is_at_end() const { return rest_.empty(); }

 private:
  /// Removes blanks and comments; false if a comment does not end.
  bool skip_blanks() {
    std::size_t depth = 0;
    std::size_t at = 0;
    for (; at < rest_.size(); ++at) {
      char c = rest_[at];
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
    rest_.remove_prefix(std::min(at, rest_.size()));
    is_broken_ = depth > 0;
    return depth == 0;
  }
  /// What stands before a blank, a comment or one of `ends`; at least one octet.
  std::string_view word(std::string_view ends) {
    std::size_t size = 1;
    auto ends_here = [&](char c) { return is_space(c) || c == '(' || ends.find(c) != ends.npos; };
    while (size < rest_.size() && !ends_here(rest_[size])) ++size;
    auto found = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return found;
  }
  std::optional<std::string> value() {
    if (rest_.empty() || rest_.front() == ';') return std::string();
    if (rest_.front() != '"') return std::string(word(";"));
    std::string meaning;
    for (std::size_t at = 1; at < rest_.size(); ++at) {
      if (rest_[at] == '"') {
        rest_.remove_prefix(at + 1);
        return meaning;
      }
      if (rest_[at] == '\\' && at + 1 < rest_.size()) ++at;
      if (rest_[at] != '\r' && rest_[at] != '\n') meaning += rest_[at];
    }
    return {};
  }

  std::string_view rest_;
  bool is_broken_ = false;
};

/// `smtp.mailfrom=ann@example.org`, `reason="no key"`.
void add_property(AuthMethod& method, std::string name, std::string value) {
  if (name == "reason") {
    method.reason = std::move(value);
    return;
  }
  auto dot = name.find('.');
  if (dot == name.npos) return;
  method.properties.push_back({name.substr(0, dot), name.substr(dot + 1), std::move(value)});
}

bool is_trusted(std::string_view domain, const std::vector<std::string>& trusted) {
  return std::ranges::any_of(trusted, [&](const auto& one) { return equal_nocase(one, domain); });
}

bool says_dmarc_passed(std::string_view results, std::string_view author_domain) {
  return std::ranges::any_of(parse_auth_results(results), [&](const AuthMethod& method) {
    if (method.method != "dmarc" || method.result != "pass") return false;
    return std::ranges::any_of(method.properties, [&](const AuthProperty& property) {
      return property.type == "header" && property.name == "from" &&
             equal_nocase(property.value, author_domain);
    });
  });
}

}  // namespace

std::vector<AuthMethod> parse_auth_results(std::string_view body) {
  if (body.size() > auth_results_bytes_max) return {};
  std::vector<AuthMethod> methods;
  Reader reader(body);
  for (bool is_first = true; !reader.is_at_end(); is_first = false) {
    auto pairs = reader.segment();
    if (!pairs) return {};
    if (is_first || pairs->empty() || methods.size() >= auth_methods_max) continue;
    AuthMethod method;
    auto& [name, result] = pairs->front();
    method.method = name.substr(0, name.find('/'));  // a version may follow
    method.result = lower(result);
    for (std::size_t i = 1; i < pairs->size(); ++i) {
      add_property(method, std::move((*pairs)[i].first), std::move((*pairs)[i].second));
    }
    methods.push_back(std::move(method));
  }
  return methods;
}

bool is_vouched_for(const ArcResult& arc, std::string_view author_domain,
                    const std::vector<std::string>& trusted) {
  if (arc.status != ArcStatus::Pass || author_domain.empty()) return false;
  for (auto hop = arc.hops.rbegin(); hop != arc.hops.rend(); ++hop) {
    if (!is_trusted(hop->domain, trusted)) return false;
    if (says_dmarc_passed(hop->results, author_domain)) return true;
  }
  return false;
}

}  // namespace pennypost
