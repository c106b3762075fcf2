// Puts values into a text that names them: the replies that an administrator writes.
//
// `$name`, `${name}` and `$(name)` stand for a value; `${name?text}` for the text where there is
// one, `${name:text}` where there is none; `$$` for a dollar. Texts in braces may name values
// again.
//
// STANDARDS  Postfix's mac_expand(3), without comparisons
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace pennypost {

/// The value of a name; empty where there is none.
using TemplateValue = std::function<std::string(std::string_view name)>;

inline constexpr std::size_t template_bytes_max = 8192;  // of the result, which is cut there
inline constexpr int template_depth_max = 10;            // of braces in braces

/// The text with the values put in. A `$` without a name stays as it is, and so does a brace that
/// is not closed.
std::string fill_in(std::string_view text, const TemplateValue& value);

}  // namespace pennypost
