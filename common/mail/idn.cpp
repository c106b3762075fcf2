#include "common/mail/idn.h"

#include <idn2.h>
#include <uninorm.h>
#include <unistr.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "common/base/owned.h"
#include "common/base/text.h"
#include "common/mail/unicode.h"

namespace pennypost {
namespace {

constexpr std::string_view ace_prefix = "xn--";

// The characters that transitional processing maps differently: sharp s, final sigma, ZWNJ and ZWJ.
constexpr std::array<std::string_view, 4> deviations{"\u00df", "\u03c2", "\u200c", "\u200d"};

using Points = std::vector<std::uint32_t>;

std::string idn_result(char* text) {
  Owned<char, idn2_free> owner(text);
  return text;
}

std::optional<std::string> idn2_ascii(const std::string& name, int flags) {
  char* result = nullptr;
  if (idn2_to_ascii_8z(name.c_str(), &result, IDN2_NFC_INPUT | flags) != IDN2_OK) return {};
  return lower(idn_result(result));
}

std::optional<std::string> idn2_unicode(const std::string& name) {
  char* result = nullptr;
  if (idn2_to_unicode_8z8z(name.c_str(), &result, 0) != IDN2_OK) return {};
  return idn_result(result);
}

/// Maps text without deviations by UTS 46. libidn2's transitional processing allows the symbols
/// that its nontransitional processing refuses. `before` is put in front during the mapping: a
/// digit, which combines with nothing, so that a combining mark at the beginning of the piece is
/// not taken for the first character of a label.
std::optional<std::string> mapped(std::string_view text, std::string_view before) {
  auto ascii = idn2_ascii(std::string(before) + std::string(text), IDN2_TRANSITIONAL);
  auto shown = ascii ? idn2_unicode(*ascii) : std::nullopt;
  if (!shown || !shown->starts_with(before)) return {};
  return shown->substr(before.size());
}

/// The position and length of the first deviation in `text`; npos and 0 if there is none.
std::pair<std::size_t, std::size_t> find_deviation(std::string_view text) {
  std::pair<std::size_t, std::size_t> first{text.npos, 0};
  for (auto deviation : deviations) {
    auto at = text.find(deviation);
    if (at < first.first) first = {at, deviation.size()};
  }
  return first;
}

/// The whole name mapped, in NFC.
std::optional<std::string> mapped_name(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    auto [at, length] = find_deviation(name);
    auto text = name.substr(0, at);
    if (!text.empty()) {
      auto piece = mapped(text, out.empty() ? "" : "0");
      if (!piece) return {};
      out += *piece;
    }
    if (length == 0) break;
    out += name.substr(at, length);
    name.remove_prefix(at + length);
  }
  return nfc(out);
}

// RFC 3492 section 5.
constexpr std::uint32_t base = 36;
constexpr std::uint32_t t_min = 1;
constexpr std::uint32_t t_max = 26;
constexpr std::uint32_t skew = 38;
constexpr std::uint32_t damp = 700;
constexpr std::uint32_t initial_bias = 72;
constexpr std::uint32_t initial_point = 0x80;

/// RFC 3492 section 6.1.
std::uint32_t adapted_bias(std::uint32_t delta, std::uint32_t points, bool is_first) {
  delta = is_first ? delta / damp : delta / 2;
  delta += delta / points;
  std::uint32_t k = 0;
  for (; delta > (base - t_min) * t_max / 2; k += base) delta /= base - t_min;
  return k + (base - t_min + 1) * delta / (delta + skew);
}

void add_digit(std::string& out, std::uint32_t digit) {
  out += static_cast<char>(digit < 26 ? 'a' + digit : '0' + digit - 26);
}

/// `delta` as an integer of variable length.
void add_delta(std::string& out, std::uint32_t delta, std::uint32_t bias) {
  for (std::uint32_t k = base;; k += base) {
    std::uint32_t t = k <= bias ? t_min : std::min(k - bias, t_max);
    if (delta < t) break;
    add_digit(out, t + (delta - t) % (base - t));
    delta = (delta - t) / (base - t);
  }
  add_digit(out, delta);
}

/// RFC 3492 section 6.3. A label has at most 255 points, so that no sum overflows.
std::string punycode(const Points& label) {
  std::string out;
  for (auto point : label) {
    if (point < initial_point) out += static_cast<char>(point);
  }
  auto plain = static_cast<std::uint32_t>(out.size());
  if (plain > 0) out += '-';
  std::uint32_t bias = initial_bias;
  std::uint32_t at = initial_point;
  std::uint32_t delta = 0;
  for (std::uint32_t done = plain; done < label.size(); ++at, ++delta) {
    std::uint32_t next = UINT32_MAX;
    for (auto point : label) next = point >= at ? std::min(next, point) : next;
    delta += (next - at) * (done + 1);
    at = next;
    for (auto point : label) {
      if (point < at) ++delta;
      if (point != at) continue;
      add_delta(out, delta, bias);
      bias = adapted_bias(delta, done + 1, done == plain);
      delta = 0;
      ++done;
    }
  }
  return out;
}

Points points_of(std::string_view utf8) {
  std::size_t length = 0;
  const auto* octets = reinterpret_cast<const std::uint8_t*>(utf8.data());
  Owned<std::uint32_t, std::free> owner(u8_to_u32(octets, utf8.size(), nullptr, &length));
  if (owner == nullptr) return {};
  return Points(owner.get(), owner.get() + length);
}

/// A-labels of a name that has been mapped.
std::optional<std::string> encoded(std::string_view name) {
  std::string out;
  for (auto label : split(name, '.')) {
    if (!out.empty()) out += '.';
    if (is_ascii(label)) {
      out += label;
      continue;
    }
    bool has_bad_hyphen = label.front() == '-' || label.back() == '-';
    if (has_bad_hyphen) return {};
    out += std::string(ace_prefix) + punycode(points_of(label));
  }
  return out;
}

bool has_a_label(std::string_view domain) { return find_nocase(domain, ace_prefix) != domain.npos; }

/// A key's domain and the text before it: `user@` or a dot.
struct Parts {
  std::string_view before;
  std::string_view domain;

  explicit Parts(std::string_view key) {
    auto at = key.rfind('@');
    auto begin = at == key.npos ? 0 : at + 1;
    if (begin < key.size() && key[begin] == '.') ++begin;
    before = key.substr(0, begin);
    domain = key.substr(begin);
  }
};

}  // namespace

std::optional<std::string> domain_to_ascii(std::string_view name) {
  if (is_ascii(name)) return lower(name);
  // libidn2 takes a zero octet as the end of the name.
  if (name.find('\0') != name.npos || !is_utf8(name)) return {};
  if (auto plain = idn2_ascii(std::string(name), IDN2_NONTRANSITIONAL)) return plain;
  auto shown = mapped_name(name);
  if (!shown) return {};
  return encoded(*shown);
}

std::string domain_to_unicode(std::string_view name) {
  if (!has_a_label(name)) return std::string(name);
  auto shown = idn2_unicode(std::string(name));
  // A form that does not convert back is not a spelling of this name.
  if (!shown || domain_to_ascii(*shown) != name) return std::string(name);
  return *shown;
}

std::string folded_address(std::string_view address) {
  if (is_ascii(address)) return lower(address);
  auto at = address.rfind('@');
  if (at == address.npos) return unicode_lower(address);
  auto ascii = domain_to_ascii(address.substr(at + 1));
  auto domain = ascii ? *ascii : unicode_lower(address.substr(at + 1));
  return unicode_lower(address.substr(0, at)) + "@" + domain;
}

std::string folded_key_of_table(std::string_view key) {
  if (is_ascii(key)) return lower(key);
  Parts parts(key);
  auto before = unicode_lower(parts.before);
  bool is_domain = !parts.before.empty() || parts.domain.find('.') != key.npos;
  if (is_domain && !is_ascii(parts.domain)) {
    if (auto ascii = domain_to_ascii(parts.domain)) return before + domain_to_unicode(*ascii);
  }
  return before + unicode_lower(parts.domain);
}

std::optional<std::string> other_spelling(std::string_view key) {
  Parts parts(key);
  std::string other;
  if (!is_ascii(parts.domain)) {
    auto ascii = domain_to_ascii(parts.domain);
    if (!ascii) return {};
    other = *std::move(ascii);
  } else if (has_a_label(parts.domain)) {
    other = domain_to_unicode(lower(parts.domain));
  }
  if (other.empty() || other == parts.domain) return {};
  return std::string(parts.before) + other;
}

}  // namespace pennypost
