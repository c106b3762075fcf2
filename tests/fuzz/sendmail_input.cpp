// The arguments of sendmail, line by line up to an empty one, and a message behind them: no crash,
// and a message with recipients that the queue takes, or a refusal.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "common/config/testing.h"
#include "common/mail/header.h"
#include "smtpd/commands/sendmail.h"
#include "smtpd/pickup/drop_file.h"

using namespace pennypost;
using namespace pennypost::smtp;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const auto config = config_for_test({"myorigin=example.com"});
  std::string_view input(reinterpret_cast<const char*>(data), size);
  auto head = input.substr(0, input.find("\n\n"));
  auto message = input.substr(std::min(head.size() + 2, input.size()));
  std::vector<std::string> args;
  for (auto line : split(head, '\n')) args.emplace_back(line);
  auto options = parse_sendmail_options(args);
  if (!options) return 0;
  LocalUser user{"ann", "Ann \"A\" Example"};
  LocalSubmission submission = options->submission;
  auto text = message_text(message, options->dot_is_text);
  ASSERT(text.empty() || text.back() == '\n');
  auto prepared = prepare_message(std::move(text), *options, user, *config, submission);
  if (!prepared) return 0;
  ASSERT(!submission.recipients.empty());
  HeaderFields fields(*prepared);
  bool is_resent = fields.has("Resent-From") || fields.has("Resent-To") ||
                   fields.has("Resent-Cc") || fields.has("Resent-Bcc") ||
                   fields.has("Resent-Sender") || fields.has("Resent-Date");
  if (!is_resent) ASSERT(fields.has("From") && fields.has("Date") && fields.has("Message-ID"));
  if (options->recipients_from_header) ASSERT(!fields.has("Bcc"));
  if (check_submission(submission)) {
    auto again = parse_drop_head(drop_head(submission));
    ASSERT(again && again->submission.recipients == submission.recipients);
  }
  return 0;
}
