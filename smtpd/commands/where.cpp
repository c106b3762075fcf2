#include "smtpd/commands/where.h"

#include <algorithm>
#include <map>
#include <optional>
#include <ostream>
#include <set>
#include <vector>

#include "common/base/json_text.h"
#include "common/base/text.h"
#include "common/config/config.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/load_config.h"
#include "smtpd/commands/mailbox_search.h"
#include "smtpd/commands/message_story.h"
#include "smtpd/commands/postqueue.h"
#include "smtpd/commands/queue_access.h"
#include "smtpd/commands/since.h"
#include "smtpd/commands/usage.h"
#include "smtpd/queue/queue_id.h"

namespace pennypost::smtp {
namespace {

struct Call {
  LoadOptions load;
  std::string what;
  std::int64_t since = 0;
  std::vector<std::string> logs;
  bool is_json = false;
};

std::optional<Call> parse(std::span<const std::string> args) {
  Call call;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string& arg = args[i];
    const bool takes_value = arg == "-c" || arg == "--since" || arg == "--log";
    if (takes_value && i + 1 == args.size()) return {};
    if (arg == "-c") {
      call.load.directory = args[++i];
    } else if (arg == "--log") {
      call.logs.push_back(args[++i]);
    } else if (arg == "--since") {
      auto since = time_before_now(args[++i]);
      if (!since) return {};
      call.since = *since;
    } else if (arg == "--json") {
      call.is_json = true;
    } else if (arg.starts_with('-') || !call.what.empty()) {
      return {};
    } else {
      call.what = arg;
    }
  }
  if (call.what.empty()) return {};
  return call;
}

std::string without_brackets(std::string text) {
  if (text.starts_with('<') && text.ends_with('>')) return text.substr(1, text.size() - 2);
  return text;
}

/// A message with what is known of it now.
struct Message {
  MessageStory story;
  std::vector<ListQueue::Waiting> waiting;
  bool is_in_queue = false;
  std::vector<std::string> files;
};

/// The recipients that the log says were delivered on this host.
std::set<std::string> delivered_here(const MessageStory& story) {
  std::set<std::string> recipients;
  for (const auto& line : story.lines) {
    const bool is_local = line.component == "local" || line.component == "virtual";
    if (!is_local || line.text.find("status=sent") == std::string::npos) continue;
    MessageStory one{"", {line}};
    recipients.insert(without_brackets(one.value("to")));
  }
  return recipients;
}

/// Whether the log says that the message is no longer in the queue.
bool has_left(const MessageStory& story) {
  return std::ranges::any_of(story.lines, [](const StoryLine& line) {
    return line.component == "qmgr" && line.text == "removed";
  });
}

void find_waiting(const std::shared_ptr<const Config>& config, std::vector<Message>& messages) {
  std::map<std::string, Message*> by_id;
  for (auto& message : messages) {
    const auto& story = message.story;
    if (!story.id.empty() && !has_left(story)) by_id[story.id] = &message;
  }
  // A long queue is listed only for who may be in it, from the first of them on, and only until all
  // are found.
  if (by_id.empty()) return;
  const auto after = just_before_queue_id(by_id.begin()->first);
  auto queue = QueueAccess::open(config);
  if (!queue) return;
  auto look = [&](const ListQueue::Entry& entry) {
    auto found = by_id.find(entry.id);
    if (found != by_id.end()) {
      found->second->is_in_queue = true;
      found->second->waiting = entry.recipients;
      by_id.erase(found);
    }
    return !by_id.empty();
  };
  // What can't be listed is not told.
  (void)for_each_message(queue->client(), look, after);
}

void find_files(const std::shared_ptr<const Config>& config, std::int64_t since,
                std::vector<Message>& messages) {
  std::string gone = "no longer in the mailbox";
  if (config->at(Service::Imap).mail_log_events.empty()) {
    gone += "; with mail_log_events the log would tell who removed it";
  }
  for (auto& message : messages) {
    const std::string message_id = message.story.value("message-id");
    if (message_id.size() < 3) continue;
    for (const auto& recipient : delivered_here(message.story)) {
      auto mailbox = mailbox_of(config, recipient);
      if (!mailbox) continue;
      auto file = find_in_mailbox(*mailbox, message_id, since);
      message.files.push_back(recipient + ": " + (file.empty() ? gone : file));
    }
  }
}

void print_text(const Message& message, std::ostream& out) {
  const auto& story = message.story;
  out << (story.id.empty() ? "refused" : story.id) << "\n";
  for (const auto& line : story.lines) {
    out << "  " << line.time << "  " << line.component << ": " << printable(line.text, 8000)
        << "\n";
  }
  for (const auto& waiting : message.waiting) {
    out << "  now  waits for " << printable(waiting.address)
        << (waiting.reason.empty() ? "" : ": " + printable(waiting.reason)) << "\n";
  }
  if (message.is_in_queue && message.waiting.empty()) out << "  now  in the queue\n";
  for (const auto& file : message.files) out << "  now  " << file << "\n";
}

void print_json(const Message& message, std::ostream& out) {
  const auto& story = message.story;
  out << "{\"queue_id\": " << json_string(story.id)
      << ", \"from\": " << json_string(without_brackets(story.value("from")))
      << ", \"client\": " << json_string(story.value("client"))
      << ", \"message_id\": " << json_string(story.value("message-id"))
      << ", \"in_queue\": " << (message.is_in_queue ? "true" : "false") << ", \"lines\": [";
  const char* comma = "";
  for (const auto& line : story.lines) {
    out << comma << "{\"time\": " << json_string(line.time)
        << ", \"component\": " << json_string(line.component)
        << ", \"text\": " << json_string(line.text) << "}";
    comma = ", ";
  }
  out << "], \"waiting\": [";
  comma = "";
  for (const auto& waiting : message.waiting) {
    out << comma << "{\"address\": " << json_string(waiting.address)
        << ", \"reason\": " << json_string(waiting.reason) << "}";
    comma = ", ";
  }
  out << "], \"files\": [";
  comma = "";
  for (const auto& file : message.files) {
    out << comma << json_string(file);
    comma = ", ";
  }
  out << "]}\n";
}

}  // namespace

int where(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  auto call = parse(args);
  if (!call) {
    err << usage::where << "\n";
    return ex_usage;
  }
  auto config = load_config(call->load, err);
  if (!config) return ex_config;
  auto log = call->logs.empty() ? MailLog::find(*config, call->since)
                                : Result<MailLog>(MailLog::of_files(call->logs));
  auto stories =
      log ? LogSearch(call->what).run(*log) : Result<std::vector<MessageStory>>(log.error());
  if (!stories) {
    err << "pennypost where: " << stories.error().text() << "\n";
    return ex_tempfail;
  }
  std::vector<Message> messages;
  for (auto& story : *stories) messages.push_back({std::move(story), {}, false, {}});
  find_waiting(config, messages);
  find_files(config, call->since, messages);
  for (const auto& message : messages) {
    if (call->is_json) {
      print_json(message, out);
    } else {
      print_text(message, out);
    }
  }
  if (!messages.empty()) return 0;
  err << "pennypost where: the log says nothing of " << printable(call->what, 200)
      << (call->since == 0 ? "" : "; an earlier --since searches older files") << "\n";
  return ex_failed;
}

}  // namespace pennypost::smtp
