// Reads bounce_template_file, and gives its texts the values that they name.
//
// A text may name each setting, and the units of two: $delay_warning_time_hours,
// $maximal_queue_lifetime_days, with seconds, minutes, hours, days or weeks.
//
// SEE ALSO   ../../common/mail/bounce_template.h (the file's form)
#pragma once

#include <string>
#include <string_view>

#include "common/config/config.h"
#include "common/mail/bounce_template.h"

namespace pennypost::smtp {

/// The templates of the file; the built-in ones if `path` is empty. Error: `FILE:LINE: mistake`, or
/// why the file can't be read. Blocks.
Result<BounceTemplates> load_templates(const std::string& path);

/// The value of a name that a template's text may have.
std::string report_value(const Config& config, std::string_view name);

}  // namespace pennypost::smtp
