// Parses the `tag=value; tag=value` lists in which DKIM, ARC and DMARC write signatures, keys and
// policies.
//
// Blanks and folds around names and values do not count. Octets above 127 are kept as they are (RFC
// 8616 allows UTF-8 in some values).
//
// LIMITS     tags_max
// STANDARDS  RFC 6376 section 3.2
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace pennypost {

inline constexpr std::size_t tags_max = 64;

struct Tag {
  std::string_view name;   // case counts
  std::string_view value;  // without blanks and folds at its ends
  /// Where the value is in the text, with the blanks around it: what is removed from a signature
  /// field before it is hashed (RFC 6376 section 3.7).
  std::size_t begin = 0;
  std::size_t end = 0;
};

class TagList {
 public:
  /// The text must outlive the list. Error 550: not a list, a tag twice, too many of them.
  static Result<TagList> parse(std::string_view text);

  const std::vector<Tag>& tags() const { return tags_; }
  const Tag* find(std::string_view name) const;
  std::optional<std::string_view> value(std::string_view name) const;

 private:
  std::vector<Tag> tags_;
};

/// The text without any blanks and line ends, as in base64 over several lines.
std::string without_spaces(std::string_view text);
/// Base64 over several lines, its padding optional; nothing if it is malformed.
std::optional<std::string> tag_base64(std::string_view text);
/// The parts of `a:b:c` without blanks and folds around them.
std::vector<std::string_view> colon_list(std::string_view text);

}  // namespace pennypost
