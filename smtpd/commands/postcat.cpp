#include "smtpd/commands/postcat.h"

#include <unistd.h>

#include <memory>
#include <optional>
#include <ostream>
#include <vector>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/config/config.h"
#include "common/mail/date.h"
#include "common/mail/header.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/load_config.h"
#include "smtpd/commands/queue_access.h"
#include "smtpd/commands/usage.h"

namespace pennypost::smtp {
namespace {

struct Request {
  std::string directory = "/etc/pennypost";
  std::vector<std::string> ids;
  bool envelope = false;
  bool header = false;
  bool body = false;
};

/// Whether a letter of Postfix's is about the records of its queue files; says so.
bool is_about_records(char letter, std::ostream& err) {
  if (std::string_view("dors").find(letter) == std::string_view::npos) return false;
  err << "postcat: fatal: -" << letter
      << " is about the records of Postfix's queue files, and a message here has none; -e, -h and "
         "-b show its envelope, header and body\n";
  return true;
}

/// Nothing if the arguments are wrong.
std::optional<Request> parse(std::span<const std::string> args, std::ostream& err) {
  Request request;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string& arg = args[i];
    if (arg.size() < 2 || arg[0] != '-') {
      request.ids.push_back(arg);
      continue;
    }
    for (std::size_t at = 1; at < arg.size(); ++at) {
      char letter = arg[at];
      if (letter == 'c') {
        bool is_attached = at + 1 < arg.size();
        if (!is_attached && i + 1 == args.size()) return std::nullopt;
        request.directory = is_attached ? arg.substr(at + 1) : args[++i];
        break;
      }
      if (is_about_records(letter, err)) return std::nullopt;
      if (std::string_view("behqv").find(letter) == std::string_view::npos) return std::nullopt;
      request.envelope = request.envelope || letter == 'e';
      request.header = request.header || letter == 'h';
      request.body = request.body || letter == 'b';
    }
  }
  if (request.ids.empty()) return std::nullopt;
  if (!request.envelope && !request.header && !request.body) {
    request.envelope = request.header = request.body = true;
  }
  return request;
}

/// Prints a line with name and value; the value may come from a stranger.
void show(std::ostream& out, std::string_view name, std::string_view value) {
  out << name << printable(value) << '\n';
}

void show_envelope(const ReadMessage::Content& content, std::ostream& out) {
  const Envelope& envelope = content.envelope;
  out << "*** ENVELOPE RECORDS " << envelope.id.value() << " ***\n"
      << "message_size: " << envelope.octets() << '\n'
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

struct Read {
  ReadMessage::Content content;
  std::string text;
};

Result<Read> read(QueueClient& queue, const std::string& id) {
  ReadMessage ask;
  ask.id = id;
  TRY(auto answer, queue.exchange(ReadMessage::type, wire::encode(ask), {}));
  Read read;
  TRY(read.content, wire::decode<ReadMessage::Content>(answer.body));
  if (answer.descriptors.empty()) return Error::temporary("the queue sent no message");
  TRY(read.text,
      read_exactly(answer.descriptors[0].number(), 0, read.content.envelope.size(), "the message"));
  return read;
}

/// The empty line between header and body belongs to the body, as in Postfix.
void show(const Request& request, const std::string& id, const Read& read, std::ostream& out) {
  std::string_view text = read.text;
  std::size_t header = header_bytes(text);
  bool has_empty_line = header > 0 && (header == 1 || text[header - 2] == '\n');
  if (has_empty_line) --header;
  if (request.envelope) {
    show_envelope(read.content, out);
    out << "*** MESSAGE CONTENTS " << id << " ***\n";
  }
  if (request.header) out << text.substr(0, header);
  if (request.body) out << text.substr(header);
  if (request.envelope) out << "*** END OF MESSAGE " << id << " ***\n";
}

/// Opens the queue for this message only, and closes it before output, which may go to a pager, so
/// that smtpd can be started meanwhile.
int show_one(const std::shared_ptr<const Config>& config, const Request& request,
             const std::string& id, std::ostream& out, std::ostream& err) {
  std::optional<Result<Read>> found;
  {
    auto queue = QueueAccess::open(config);
    if (!queue) {
      err << "postcat: fatal: mail system is down (" << queue.error().text() << ")\n";
      return ex_unavailable;
    }
    found = read(queue->client(), id);
  }
  if (!*found) {
    err << "postcat: fatal: " << found->error().text_with_status() << '\n';
    return ex_failed;
  }
  show(request, id, **found, out);
  return 0;
}

}  // namespace

int postcat(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  auto request = parse(args, err);
  if (!request) {
    err << usage::postcat << "\n";
    return ex_usage;
  }
  LoadOptions options;
  options.directory = request->directory;
  auto config = load_config(options, err);
  if (!config) return ex_config;
  for (const auto& id : request->ids) {
    int status = show_one(config, *request, id, out, err);
    if (status != 0) return status;
  }
  return 0;
}

}  // namespace pennypost::smtp
