// Goes from one < or & to the next.
#include "store/sieve/html_text.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "store/sieve/utf8.h"

namespace pennypost::store::sieve {
namespace {

constexpr std::size_t reference_bytes_max = 10;  // between & and ;

constexpr auto inline_tags = std::to_array<std::string_view>({
    "a",
    "abbr",
    "b",
    "big",
    "code",
    "em",
    "font",
    "i",
    "mark",
    "s",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "tt",
    "u",
    "wbr",
});

/// The tag's name without / in lower case.
std::string tag_name(std::string_view inside) {
  if (inside.starts_with('/')) inside.remove_prefix(1);
  auto end = std::ranges::find_if_not(inside, [](char c) { return is_alnum(c); });
  return lower(inside.substr(0, static_cast<std::size_t>(end - inside.begin())));
}

/// Where the tag at `at` ends: behind its >, which may not stand within a quoted value.
std::size_t end_of_tag(std::string_view html, std::size_t at) {
  char quote = '\0';
  for (; at < html.size(); ++at) {
    char c = html[at];
    if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '>') {
      return at + 1;
    }
  }
  return at;
}

std::optional<std::string> referenced(std::string_view name) {
  struct Known {
    std::string_view name;
    std::string_view text;
  };
  for (const auto& known : {Known{"amp", "&"}, Known{"lt", "<"}, Known{"gt", ">"},
                            Known{"quot", "\""}, Known{"apos", "'"}, Known{"nbsp", " "}}) {
    if (name == known.name) return std::string(known.text);
  }
  if (!name.starts_with('#')) return std::nullopt;
  name.remove_prefix(1);
  bool is_hex = name.starts_with('x') || name.starts_with('X');
  std::optional<std::uint64_t> point = is_hex ? hex_number(name.substr(1)) : parse_number(name);
  if (!point || !is_code_point(*point)) return std::nullopt;
  std::string out;
  append_utf8(out, static_cast<std::uint32_t>(*point));
  return out;
}

class HtmlReader {
 public:
  explicit HtmlReader(std::string_view html) : html_(html) {}

  std::string run() {
    while (at_ < html_.size()) {
      auto next = std::min(html_.find_first_of("<&", at_), html_.size());
      out_ += html_.substr(at_, next - at_);
      at_ = next;
      if (at_ == html_.size()) break;
      if (html_[at_] == '<') {
        skip_tag();
      } else {
        take_reference();
      }
    }
    return std::move(out_);
  }

 private:
  void skip_tag() {
    auto rest = html_.substr(at_);
    if (rest.starts_with("<!--")) {
      auto end = html_.find("-->", at_ + 4);
      at_ = end == std::string_view::npos ? html_.size() : end + 3;
      return;
    }
    bool is_tag = rest.size() > 1 &&
                  (is_alpha(rest[1]) || rest[1] == '/' || rest[1] == '!' || rest[1] == '?');
    if (!is_tag) {
      out_ += '<';
      ++at_;
      return;
    }
    auto name = tag_name(rest.substr(1));
    at_ = end_of_tag(html_, at_);
    if (!std::ranges::binary_search(inline_tags, name)) out_ += ' ';
    bool hides_text = rest[1] != '/' && (name == "script" || name == "style");
    if (!hides_text) return;
    auto end = find_nocase(html_.substr(at_), "</" + name);
    at_ = end == std::string_view::npos ? html_.size() : at_ + end;
  }

  void take_reference() {
    auto end = html_.substr(at_, reference_bytes_max + 2).find(';');
    if (end != std::string_view::npos) {
      if (auto text = referenced(html_.substr(at_ + 1, end - 1))) {
        out_ += *text;
        at_ += end + 1;
        return;
      }
    }
    out_ += '&';
    ++at_;
  }

  std::string_view html_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::string html_text(std::string_view html) { return HtmlReader(html).run(); }

}  // namespace pennypost::store::sieve
