#include "smtpd/commands/postsuper.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <iostream>
#include <optional>
#include <ostream>
#include <vector>

#include "common/base/text.h"
#include "common/config/config.h"
#include "common/mail/date.h"
#include "common/mail/header.h"
#include "smtpd/commands/control.h"
#include "smtpd/commands/usage.h"

namespace pennypost::smtp {
namespace {

constexpr int ex_failed = 1;
constexpr int ex_usage = 64;
constexpr int ex_unavailable = 69;
constexpr int ex_config = 78;

struct Deed {
  QueueChange change;
  std::string which;
};

std::optional<QueueChange> change_of(char option) {
  switch (option) {
    case 'd':
      return QueueChange::Remove;
    case 'h':
      return QueueChange::Hold;
    case 'H':
      return QueueChange::Release;
    case 'r':
      return QueueChange::Requeue;
    default:
      return std::nullopt;
  }
}

std::string_view done_text(QueueChange change) {
  switch (change) {
    case QueueChange::Remove:
      return "Deleted: ";
    case QueueChange::Hold:
      return "Placed on hold: ";
    case QueueChange::Release:
      return "Released from hold: ";
    case QueueChange::Requeue:
      break;
  }
  return "Requeued: ";
}

Result<QueueClient> client(const std::string& directory, const std::string& program, int& status,
                           std::ostream& err) {
  LoadOptions options;
  options.directory = directory;
  options.program = program;
  auto config = Config::load(options);
  if (!config) {
    err << config.error().text() << '\n';
    status = ex_config;
    return std::move(config).error();
  }
  auto queue = QueueClient::connect((*config)->queue_directory);
  if (!queue) {
    err << program << ": fatal: mail system is down (" << queue.error().text() << ")\n";
    status = ex_unavailable;
  }
  return queue;
}

/// A file's bytes, up to the end.
std::string read_all(const Descriptor& file) {
  std::string bytes;
  std::array<char, 65536> scratch;
  off_t at = 0;
  for (;;) {
    ssize_t count = ::pread(file.number(), scratch.data(), scratch.size(), at);
    if (count <= 0) return bytes;
    bytes.append(scratch.data(), static_cast<std::size_t>(count));
    at += count;
  }
}

/// `name: value` on a line of its own; the value may come from a stranger.
void show(std::ostream& out, std::string_view name, std::string_view value) {
  out << name << printable(value) << '\n';
}

void show_envelope(const ReadMessage::Content& content, std::ostream& out) {
  const Envelope& envelope = content.envelope;
  out << "*** ENVELOPE RECORDS " << envelope.id.value() << " ***\n"
      << "message_size: " << envelope.size() << '\n'
      << "message_arrival_time: " << format_date(local_date(envelope.arrival / 1'000'000)) << '\n';
  if (!envelope.client_address.empty()) {
    show(out, "named_attribute: client_name=", envelope.client_name);
    show(out, "named_attribute: client_address=", envelope.client_address);
    show(out, "named_attribute: helo_name=", envelope.helo);
    show(out, "named_attribute: protocol_name=", envelope.protocol);
  }
  if (!envelope.sasl_username.empty()) {
    show(out, "named_attribute: sasl_username=", envelope.sasl_username);
  }
  if (!envelope.envid.empty()) show(out, "dsn_envelope_id: ", envelope.envid);
  show(out, "sender: ", envelope.sender);
  for (const auto& recipient : content.recipients) {
    show(out, "recipient: ", recipient.address);
    if (!recipient.reason.empty()) show(out, "delay_reason: ", recipient.reason);
  }
}

}  // namespace

int postsuper(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  std::string directory = "/etc/pennypost";
  std::vector<Deed> deeds;
  std::string state;
  for (std::size_t i = 0; i < args.size(); ++i) {
    std::string_view arg = args[i];
    if (arg == "deferred" || arg == "active" || arg == "hold") {
      state = arg;
      continue;
    }
    if (arg == "-v") continue;
    bool has_letter = arg.size() >= 2 && arg[0] == '-';
    auto change = has_letter ? change_of(arg[1]) : std::nullopt;
    std::string value(has_letter ? arg.substr(2) : "");
    if (value.empty() && i + 1 < args.size()) value = args[++i];
    if ((!change && !(has_letter && arg[1] == 'c')) || value.empty()) {
      err << usage::postsuper << "\n";
      return ex_usage;
    }
    if (!change) {
      directory = value;
    } else if (value == "-") {
      for (std::string line; std::getline(std::cin, line);) {
        if (auto id = trim(line); !id.empty()) deeds.push_back({*change, std::string(id)});
      }
    } else {
      deeds.push_back({*change, value});
    }
  }
  if (deeds.empty()) {
    err << usage::postsuper << "\n";
    return ex_usage;
  }
  int status = 0;
  auto queue = client(directory, "postsuper", status, err);
  if (!queue) return status;
  for (const auto& deed : deeds) {
    ChangeQueue ask;
    ask.change = deed.change;
    ask.id = deed.which == "ALL" && !state.empty() ? state : deed.which;
    auto count = queue->call(ask);
    if (!count) {
      err << "postsuper: fatal: " << count.error().text() << '\n';
      return ex_failed;
    }
    if (count->messages == 0 && deed.which != "ALL") status = ex_failed;
    if (count->messages > 0) {
      out << "postsuper: " << done_text(deed.change) << count->messages << " message"
          << (count->messages == 1 ? "" : "s") << '\n';
    }
  }
  return status;
}

int postcat(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  std::string directory = "/etc/pennypost";
  std::vector<std::string> ids;
  bool shows_envelope = false;
  bool shows_header = false;
  bool shows_body = false;
  for (std::size_t i = 0; i < args.size(); ++i) {
    std::string_view arg = args[i];
    if (arg == "-c" && i + 1 < args.size()) {
      directory = args[++i];
    } else if (arg == "-b" || arg == "-bh" || arg == "-hb") {
      shows_body = true;
      shows_header = shows_header || arg.size() == 3;
    } else if (arg == "-e") {
      shows_envelope = true;
    } else if (arg == "-h") {
      shows_header = true;
    } else if (!arg.starts_with('-')) {
      ids.emplace_back(arg);
    } else if (arg != "-q" && arg != "-v") {
      err << usage::postcat << "\n";
      return ex_usage;
    }
  }
  if (!shows_envelope && !shows_header && !shows_body) {
    shows_envelope = shows_header = shows_body = true;
  }
  int status = 0;
  auto queue = client(directory, "postcat", status, err);
  if (!queue) return status;
  for (const auto& id : ids) {
    ReadMessage ask;
    ask.id = id;
    auto answer = queue->exchange(ReadMessage::type, wire::encode(ask), {});
    auto content = answer ? wire::decode<ReadMessage::Content>(answer->body)
                          : Result<ReadMessage::Content>(answer.error());
    if (!content || answer->descriptors.empty()) {
      err << "postcat: fatal: " << (content ? "no message came" : content.error().text()) << '\n';
      return ex_failed;
    }
    if (shows_envelope) show_envelope(*content, out);
    std::string text = read_all(answer->descriptors[0]);
    std::size_t header = header_bytes(text);
    if (shows_envelope) out << "*** MESSAGE CONTENTS " << id << " ***\n";
    if (shows_header) out << std::string_view(text).substr(0, header);
    if (shows_body) out << std::string_view(text).substr(header);
    if (shows_envelope) out << "*** END OF MESSAGE " << id << " ***\n";
  }
  return 0;
}

}  // namespace pennypost::smtp
