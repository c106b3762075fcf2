#include "common/mail/unique_id.h"

#include <algorithm>

#include "common/base/text.h"

namespace pennypost {
namespace {

constexpr std::size_t unique_id_bytes_max = 70;
// The longest id that Dovecot sends if file names are the ids: NAME_MAX.
constexpr std::size_t unique_id_bytes_sent_max = 255;
constexpr std::size_t width_max = 70;
constexpr std::size_t items_max = 70;

Error malformed(std::string_view format, const std::string& why) {
  return Error::permanent("\"" + printable(format, 100) +
                          "\" is not a valid format of unique ids: " + why);
}

std::string hexadecimal(std::uint64_t number) {
  std::string digits;
  do {
    digits.insert(digits.begin(), "0123456789abcdef"[number % 16]);
    number /= 16;
  } while (number > 0);
  return digits;
}

std::string modified(char modifier, std::string value) {
  if (modifier == 'L') return lower(value);
  if (modifier == 'U') return upper(value);
  return hexadecimal(parse_number(value).value_or(0));
}

}  // namespace

bool is_unique_id(std::string_view text) {
  return !text.empty() && text.size() <= unique_id_bytes_sent_max &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

Result<UniqueIdFormat> UniqueIdFormat::parse(std::string_view format) {
  UniqueIdFormat parsed;
  for (std::size_t at = 0; at < format.size();) {
    Item item;
    if (format[at] != '%' || format.substr(at).starts_with("%%")) {
      at += format[at] == '%' ? 1 : 0;
      item.literal = format[at++];
    } else {
      item.fills = format.substr(++at).starts_with('0');
      while (at < format.size() && is_digit(format[at]) && item.width <= width_max) {
        item.width = item.width * 10 + static_cast<std::size_t>(format[at++] - '0');
      }
      if (item.width > width_max) return malformed(format, "a width is too great");
      while (at < format.size() && std::string_view("XLU").find(format[at]) != format.npos) {
        item.modifiers += format[at++];
      }
      item.variable = at < format.size() ? format[at++] : ' ';
      if (std::string_view("uvfg").find(item.variable) == std::string_view::npos) {
        return malformed(format, "after % there is something other than %u, %v, %f, %g or %Xu");
      }
      bool is_name = item.variable == 'f' || item.variable == 'g';
      if (is_name && item.modifiers.find('X') != std::string::npos) {
        return malformed(format, "X is for numbers, %u and %v");
      }
    }
    parsed.items_.push_back(std::move(item));
    if (parsed.items_.size() > items_max) return malformed(format, "it is too long");
  }
  if (!parsed.has("ufg")) return malformed(format, "it needs %u, %f or %g, as in %08Xu%08Xv");
  auto longest = parsed.id({UINT32_MAX, UINT32_MAX, "f", "g"});
  if (!longest) return malformed(format, "an id may contain only visible ASCII characters");
  if (longest->size() > unique_id_bytes_max) {
    return malformed(format, "an id may have at most 70 characters");
  }
  return parsed;
}

const UniqueIdFormat& UniqueIdFormat::default_format() {
  static const UniqueIdFormat format = *parse(default_text);
  return format;
}

bool UniqueIdFormat::has(std::string_view variables) const {
  return std::ranges::any_of(items_, [&](const Item& item) {
    return item.variable != '\0' && variables.find(item.variable) != variables.npos;
  });
}

bool UniqueIdFormat::uses_files() const { return has("fg"); }

std::optional<std::string> UniqueIdFormat::id(const UniqueIdParts& parts) const {
  if (has("f") && parts.file.empty()) return {};
  if (has("g") && parts.guid.empty()) return {};
  std::string id;
  for (const auto& item : items_) id += text_of(item, parts);
  if (!is_unique_id(id)) return {};
  return id;
}

std::string UniqueIdFormat::text_of(const Item& item, const UniqueIdParts& parts) {
  if (item.variable == '\0') return item.literal;
  std::string value = item.variable == 'u'   ? std::to_string(parts.uid)
                      : item.variable == 'v' ? std::to_string(parts.uid_validity)
                      : item.variable == 'f' ? std::string(parts.file)
                                             : std::string(parts.guid);
  for (char modifier : item.modifiers) value = modified(modifier, std::move(value));
  if (item.width == 0) return value;
  if (!item.fills) return value.substr(0, item.width);
  if (value.size() < item.width) value.insert(0, item.width - value.size(), '0');
  return value;
}

}  // namespace pennypost
