// Fills in the variables of a format such as imap_logout_format: `in=%i out=%o`.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace pennypost {

/// A variable as it is written, such as `%i` or `%{input}`, and its value.
using PercentVariable = std::pair<std::string_view, std::string>;

/// `%%` is a percent sign; everything that is no variable stays as it is.
std::string percent_text(std::string_view format, std::span<const PercentVariable> variables);

}  // namespace pennypost
