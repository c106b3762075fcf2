#include "common/mailauth/tag_list.h"

#include <algorithm>

#include "common/base/text.h"

namespace pennypost {
namespace {

bool is_tag_name(std::string_view name) {
  return !name.empty() && is_alpha(name.front()) &&
         std::ranges::all_of(name, [](char c) { return is_alnum(c) || c == '_'; });
}

bool is_value(std::string_view value) {
  return std::ranges::none_of(
      value, [](char c) { return is_control(c) && c != '\t' && c != '\r' && c != '\n'; });
}

}  // namespace

Result<TagList> TagList::parse(std::string_view text) {
  TagList list;
  std::size_t at = 0;
  for (auto part : split(text, ';')) {
    std::size_t begin = at;
    at += part.size() + 1;
    if (trim(part).empty()) {
      // RFC 6376 section 3.2: one `;` may end the list.
      if (at > text.size() && !list.tags_.empty()) break;
      return Error::permanent("an empty tag");
    }
    auto equals = part.find('=');
    if (equals == part.npos) {
      return Error::permanent("a tag without =: " + printable(trim(part), 60));
    }
    Tag tag;
    tag.name = trim(part.substr(0, equals));
    tag.value = trim(part.substr(equals + 1));
    tag.begin = begin + equals + 1;
    tag.end = begin + part.size();
    if (!is_tag_name(tag.name) || !is_value(tag.value)) {
      return Error::permanent("a malformed tag: " + printable(trim(part), 60));
    }
    if (list.find(tag.name) != nullptr) {
      return Error::permanent("the tag " + std::string(tag.name) + " twice");
    }
    if (list.tags_.size() == tags_max) {
      return Error::permanent("more than " + std::to_string(tags_max) + " tags");
    }
    list.tags_.push_back(tag);
  }
  return list;
}

const Tag* TagList::find(std::string_view name) const {
  auto found = std::ranges::find(tags_, name, &Tag::name);
  return found == tags_.end() ? nullptr : &*found;
}

std::optional<std::string_view> TagList::value(std::string_view name) const {
  const Tag* tag = find(name);
  if (tag == nullptr) return {};
  return tag->value;
}

std::string without_spaces(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::ranges::copy_if(text, std::back_inserter(out), [](char c) { return !is_space(c); });
  return out;
}

std::optional<std::string> tag_base64(std::string_view text) {
  auto plain = without_spaces(text);
  while (plain.size() % 4 != 0) plain += '=';
  return base64_decode(plain);
}

std::vector<std::string_view> colon_list(std::string_view text) {
  auto parts = split(text, ':');
  for (auto& part : parts) part = trim(part);
  return parts;
}

}  // namespace pennypost
