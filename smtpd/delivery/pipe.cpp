#include "smtpd/delivery/pipe.h"

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/mail/date.h"
#include "common/process/running_program.h"
#include "smtpd/delivery/command.h"
#include "smtpd/delivery/delivered_to.h"
#include "smtpd/delivery/message_pieces.h"
#include "smtpd/delivery/pipe_arguments.h"

namespace pennypost::smtp {
namespace {

using Kind = store::DeliveryOutcome::Kind;

store::DeliveryOutcome result(Kind kind, std::string dsn, std::string reason) {
  store::DeliveryOutcome made;
  made.kind = kind;
  made.dsn = std::move(dsn);
  made.reason = std::move(reason);
  return made;
}

/// The lines before the message.
std::string head_of(const PipeCommand& pipe, const Envelope& envelope) {
  std::string head;
  const std::string& sender = envelope.sender.empty() ? pipe.null_sender : envelope.sender;
  const Recipient& first = envelope.recipients.front();
  if (pipe.has('F')) {
    head += "From " + (sender.empty() ? "MAILER-DAEMON" : sender) + "  " +
            format_ctime(local_date(envelope.arrival / 1'000'000)) + "\n";
  }
  if (pipe.has('R')) head += "Return-Path: <" + sender + ">\n";
  if (pipe.has('O') && !first.original.empty()) head += "X-Original-To: " + first.original + "\n";
  if (pipe.has('D')) head += "Delivered-To: " + first.address + "\n";
  return head;
}

class PipeDelivery {
 public:
  PipeDelivery(const Config& config, const OwnTransport& transport, const Attempt& attempt,
               const store::Pieces& pieces)
      : config_(config), transport_(transport), attempt_(attempt), pieces_(pieces) {}

  /// Runs the command for the recipients in `envelope`.
  store::DeliveryOutcome run(const Envelope& envelope) const {
    const PipeCommand& pipe = transport_.pipe;
    if (!pipe.message_bytes_max.allows(envelope.size())) {
      return result(Kind::Bounce, "5.2.3", "message too large");
    }
    const auto& address = envelope.recipients.front().address;
    if (pipe.has('D') && is_delivered_to(pieces_, address)) {
      return result(Kind::Bounce, "5.4.6", "mail forwarding loop for " + address);
    }
    CommandRun command;
    command.arguments =
        pipe_arguments(pipe, envelope, attempt_.route.next_hop, config_.recipient_delimiter);
    command.command = command.arguments.front();
    command.directory = pipe.directory.empty() ? config_.queue_directory : pipe.directory;
    command.is_directory_required = !pipe.directory.empty();
    command.environment = {{"PATH", std::string(program_path)},
                           {"MAIL_CONFIG", config_.config_directory}};
    command.head = head_of(pipe, envelope);
    if (pipe.has('B')) command.tail = "\n";
    command.line_end = pipe.line_end;
    if (pipe.has('.')) command.quoted_beginnings.emplace_back(".", ".");
    if (pipe.has('>')) command.quoted_beginnings.emplace_back("From ", ">");
    command.time_limit = pipe.time_limit.value_or(
        std::chrono::ceil<std::chrono::seconds>(config_.command_time_limit));
    command.success = "delivered via " + transport_.name + " service";
    return run_command(command, pieces_);
  }

 private:
  const Config& config_;
  const OwnTransport& transport_;
  const Attempt& attempt_;
  const store::Pieces& pieces_;
};

Outcome outcome_for(const Recipient& recipient, const store::DeliveryOutcome& of,
                    const std::string& relay) {
  Outcome made;
  made.recipient = recipient.number;
  made.kind = of.kind == Kind::Delivered ? OutcomeKind::Delivered
              : of.kind == Kind::Retry   ? OutcomeKind::Retry
                                         : OutcomeKind::Bounce;
  made.status = of.dsn;
  made.reason = of.reason;
  made.relay = relay;
  return made;
}

/// An outcome that all recipients share.
std::vector<Outcome> for_all(const Attempt& attempt, const store::DeliveryOutcome& of) {
  std::vector<Outcome> outcomes;
  for (const auto& recipient : attempt.envelope.recipients) {
    outcomes.push_back(outcome_for(recipient, of, attempt.route.name));
  }
  return outcomes;
}

}  // namespace

std::vector<Outcome> deliver_by_pipe(const Config& config, const Attempt& attempt, int body) {
  const OwnTransport* transport = config.find_transport(attempt.route.name);
  if (transport == nullptr || transport->kind != TransportKind::Pipe) {
    return for_all(
        attempt, result(Kind::Retry, "4.3.5",
                        "there is no transport " + attempt.route.name + " of kind pipe any more"));
  }
  auto pieces = message_pieces(attempt, body);
  if (!pieces) return for_all(attempt, result(Kind::Retry, "4.3.0", pieces.error().text()));
  PipeDelivery delivery(config, *transport, attempt, *pieces);
  auto began = Clock::system().now();
  std::vector<Outcome> outcomes;
  if (transport->pipe.has('D') || transport->pipe.has('O')) {
    Envelope envelope = attempt.envelope;
    for (const auto& recipient : attempt.envelope.recipients) {
      envelope.recipients = {recipient};
      outcomes.push_back(outcome_for(recipient, delivery.run(envelope), attempt.route.name));
    }
  } else {
    outcomes = for_all(attempt, delivery.run(attempt.envelope));
  }
  auto took = (Clock::system().now() - began).count();
  for (auto& outcome : outcomes) outcome.transmitted_microseconds = took;
  return outcomes;
}

}  // namespace pennypost::smtp
