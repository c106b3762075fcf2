// Puts the administrator's words below a refusal: whom to call, and what to tell them.
//
// A footer stands on a line of its own, or, where it begins with `\c`, behind the last one; `\n`
// in it begins a line. What it names of a client is what the client said: it is made printable.
//
// STANDARDS  Postfix's smtpd_reject_footer
#pragma once

#include <string>
#include <string_view>

#include "common/base/template.h"

namespace pennypost::smtp {

/// The text of a reply with the footer, whose names have the values that `value` gives.
std::string with_footer(std::string text, std::string_view footer, const TemplateValue& value);

}  // namespace pennypost::smtp
