// Reads the texts of delivery reports that an administrator writes, in the form of Postfix's
// bounce(5).
//
//   failure_template = <<EOF
//   Charset: us-ascii
//   From: Mail Delivery System <MAILER-DAEMON>
//   Subject: Undelivered Mail Returned to Sender
//   Postmaster-Subject: Postmaster Copy: Undelivered Mail
//
//   This is the mail system at host $myhostname.
//   EOF
//
// The templates are failure_template, delay_template, success_template and verify_template; one
// that is missing keeps its built-in text. Lines between templates may be empty or begin with #.
// The text, not the header, may name settings: $name, ${name?text}, ${name:text}, $$. A text that
// is not us-ascii needs its Charset; the header is always ASCII, with encoded words (RFC 2047).
//
// LIMITS    bounce_templates_bytes_max for the file, template_bytes_max for a text, 998 octets for
//           a line
// SEE ALSO  report.h (who uses them), ../base/template.h ($name)
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/template.h"

namespace pennypost {

inline constexpr std::size_t bounce_templates_bytes_max = 65536;

struct BounceTemplate {
  std::string charset = "us-ascii";  // as written; `text` is UTF-8
  std::string from_name;             // may be empty
  std::string from_address;          // a local part without a domain gets the host's
  std::string subject;
  std::string postmaster_subject;  // of a postmaster's copy; empty: `subject`
  std::string text;                // ends with a line end
};

struct BounceTemplates {
  BounceTemplate failure;
  BounceTemplate delay;
  BounceTemplate success;
  BounceTemplate verify;
};

/// The texts without a file. They name $myhostname.
const BounceTemplates& built_in_templates();

/// Whether a text may name this setting.
using IsKnownName = std::function<bool(std::string_view name)>;

/// The templates of a file's bytes. Error: `FILE:LINE: what is wrong`, the first mistake.
Result<BounceTemplates> parse_bounce_templates(std::string_view bytes, const std::string& file,
                                               const IsKnownName& is_known);

/// The templates in the form in which they are read; with `value` their texts alone, filled in.
std::string bounce_templates_text(const BounceTemplates& templates);
std::string filled_bounce_texts(const BounceTemplates& templates, const TemplateValue& value);

}  // namespace pennypost
