// Parses the body of a MIME field (Content-Type, Content-Disposition ...) into value and
// parameters.
//
// The pieces of a parameter split by RFC 2231 (`filename*0*=`, `filename*1=`) are joined; if it has
// a charset, its name keeps the `*` and its value stays encoded, as BODYSTRUCTURE shows it.
// Careless forms are accepted: unquoted values with blanks or specials, a missing `;`, comments.
//
// STANDARDS  RFC 2045 section 5.1, RFC 2183, RFC 2231, RFC 3282 (Content-Language)
// SEE ALSO   mime.h (the tree whose parts have these)
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pennypost {

constexpr std::size_t mime_parameters_max = 200;         // in one field; the rest is ignored
constexpr std::size_t mime_parameter_pieces_max = 1000;  // RFC 2231's numbers
constexpr std::size_t content_languages_max = 100;

struct MimeParameter {
  std::string
      name;  // as written; with `*` at its end if the value is RFC 2231's charset'language'text
  std::string value;  // without quotes

  /// The value as UTF-8: by RFC 2231, or with decoded encoded words, which many senders use here.
  std::string utf8() const;

  friend bool operator==(const MimeParameter&, const MimeParameter&) = default;
};

/// The raw value of the first parameter of that name, ignoring case; absent if there is none.
std::optional<std::string> find_parameter(const std::vector<MimeParameter>& parameters,
                                          std::string_view name);
/// The same in UTF-8; NAME* takes precedence over NAME (RFC 6266 section 4.3 says so for filename).
std::optional<std::string> find_parameter_utf8(const std::vector<MimeParameter>& parameters,
                                               std::string_view name);

struct MimeValue {
  std::string value;  // `text/plain`, `attachment`; without comments and blanks
  std::vector<MimeParameter> parameters;

  friend bool operator==(const MimeValue&, const MimeValue&) = default;
};

MimeValue parse_mime_value(std::string_view body);

/// The tags of a Content-Language field.
std::vector<std::string> parse_content_language(std::string_view body);

}  // namespace pennypost
