#include "smtpd/commands/setup_message.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <optional>
#include <vector>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/crypto/random.h"
#include "common/mail/date.h"
#include "smtpd/commands/mailbox_search.h"
#include "smtpd/commands/postqueue.h"
#include "smtpd/pickup/control.h"

namespace pennypost::smtp {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t log_tail_bytes = 256 * 1024;
constexpr int polls_per_second = 5;
constexpr std::size_t message_id_letters = 20;

/// `sent (delivered to maildir)`, as the log says of a message; empty if it does not.
std::string status_in_log(const Config& config, const std::string& id) {
  const std::string path = config.maillog_file.empty() ? "/var/log/mail.log" : config.maillog_file;
  std::string status;
  const std::string log = tail_of(path, log_tail_bytes);
  for (std::string_view line : split(log, '\n')) {
    auto at = line.find(", status=");
    if (at != line.npos && line.find(" " + id + ": to=<") != line.npos)
      status = line.substr(at + 9);
  }
  return status;
}

std::string message_for(const Config& config, const std::string& recipient,
                        const std::string& message_id) {
  return "From: Pennypost <postmaster@" + config.text("myhostname") + ">\nTo: <" + recipient +
         ">\nSubject: " + config.text("myhostname") +
         " is set up\nDate: " + format_date(local_date(std::time(nullptr))) +
         "\nMessage-ID: " + message_id +
         "\nAuto-Submitted: auto-generated\n\nThis message shows that mail arrives.\n";
}

/// Why the message still waits; nothing if it has left the queue.
Result<std::optional<std::string>> waiting_reason(QueueClient& queue, const std::string& id) {
  std::optional<std::string> reason;
  TRY_DO(for_each_message(queue, [&](const ListQueue::Entry& entry) {
    if (entry.id != id) return true;
    reason = entry.recipients.empty() ? "" : entry.recipients.front().reason;
    return false;
  }));
  return reason;
}

}  // namespace

Result<std::string> send_test_message(const std::shared_ptr<const Config>& config,
                                      const std::string& recipient) {
  const std::string message_id =
      "<" + random_text(message_id_letters) + "@" + config->text("myhostname") + ">";
  TRY(auto queue, QueueClient::connect(config->queue_directory));
  PostMail post;
  post.submission.sender = "postmaster";
  post.submission.recipients = {recipient};
  TRY(auto content, sealed_file(message_for(*config, recipient, message_id)));
  std::vector<Descriptor> files;
  files.push_back(std::move(content));
  TRY(auto posted, queue.call(post, std::move(files)));
  const auto mailbox = mailbox_of(config, recipient);
  std::string reason;
  for (int i = 0; i < test_message_seconds * polls_per_second; ++i) {
    ::usleep(1'000'000 / polls_per_second);
    TRY(auto waiting, waiting_reason(queue, posted.queue_id));
    if (waiting) {
      reason = *waiting;
      if (reason.empty()) continue;
      return Error::temporary("the message waits: " + reason);
    }
    const std::string status = status_in_log(*config, posted.queue_id);
    if (status.starts_with("bounced"))
      return Error::permanent("the message was returned: " + status);
    if (mailbox) {
      auto file = find_in_mailbox(*mailbox, message_id, 0);
      if (!file.empty()) return "it lies in " + file;
    } else {
      return status.empty() ? "it has left; the log says where to" : status;
    }
  }
  return Error::temporary(reason.empty()
                              ? "the message has not arrived in " +
                                    std::to_string(test_message_seconds) + " seconds; see the log"
                              : reason);
}

}  // namespace pennypost::smtp
