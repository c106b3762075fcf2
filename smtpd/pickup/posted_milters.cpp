// Shows non_smtpd_milters the messages of local programs, as if they came by SMTP from this host.
//
// As in Postfix the client is localhost[127.0.0.1], and the dialogue is played as a whole once the
// message is here. A refusal for good is the program's; while milters can't be asked, sendmail's
// message waits in maildrop.
//
// SEE ALSO   ../milter/milters.h, pickup.h

#include <unistd.h>

#include <algorithm>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "smtpd/milter/milters.h"
#include "smtpd/pickup/pickup.h"
#include "smtpd/policy/milter_header_checks.h"
#include "smtpd/queue/messages.h"
#include "smtpd/queue/notify.h"
#include "smtpd/routing/blind_copies.h"
#include "smtpd/routing/expansion.h"

namespace pennypost::smtp {
namespace {

LogTransaction log_line(const Envelope& envelope) {
  LogTransaction line;
  line.peer = {"localhost", "127.0.0.1", "cleanup"};
  line.queue_id = envelope.id.value();
  line.stage = "END-OF-MESSAGE";
  line.has_sender = true;
  line.sender = envelope.sender;
  return line;
}

}  // namespace

/// A posted message; `file` is its content, if that is not in memory.
class PickupDesk::Posted final : public MilteredMessage {
 public:
  Posted(PickupDesk& desk, Content& content, Descriptor& file, const Config& config,
         HeaderDraft& header, Envelope& envelope)
      : desk_(desk),
        content_(content),
        file_(file),
        config_(config),
        header_(header),
        envelope_(envelope),
        checks_(desk.ask_.check_content, "", config) {}

  std::string header() const override { return header_.whole(); }
  void edit_header(const std::vector<Edit>& edits) override {
    header_.edit_whole(edits);
    for (const auto& edit : edits) note_8bit(edit.insert);
  }
  Task<Result<std::string>> checked(std::string field) override {
    auto checking = checks_.check(std::move(field), log_line(envelope_));
    co_return co_await std::move(checking);
  }
  Task<Result<std::string>> read_body(std::uint64_t offset, std::size_t count) override {
    std::uint64_t at = std::min(header_.body_offset() + offset, content_.bytes);
    auto bytes = std::min<std::uint64_t>(count, content_.bytes - at);
    if (!file_) {
      const std::string& text = content_.rewritten ? *content_.rewritten : content_.front;
      co_return text.substr(at, bytes);
    }
    co_return co_await desk_.loop_.offload(
        [&] { return read_exactly(file_.number(), at, bytes, "the body"); });
  }
  Task<Result<void>> begin_body() override {
    header_.forget_body();
    std::string head = content_.front.substr(0, header_.body_offset() - 1) + "\n";
    content_.bytes = content_.line_ends = 0;
    if (file_) {
      auto emptied = co_await desk_.loop_.offload([&]() -> Result<void> {
        bool is_empty =
            ::ftruncate(file_.number(), 0) == 0 && ::lseek(file_.number(), 0, SEEK_SET) == 0;
        return is_empty ? Result<void>() : file_error("empty", "a body");
      });
      if (!emptied) co_return std::move(emptied);
    } else {
      content_.rewritten.emplace();
    }
    auto adding = add_to_body(head);
    co_return co_await std::move(adding);
  }
  Task<Result<void>> add_to_body(std::string_view piece) override {
    content_.bytes += piece.size();
    content_.line_ends += static_cast<std::uint64_t>(std::ranges::count(piece, '\n'));
    note_8bit(piece);
    if (!config_.message_size_limit.allows(content_.bytes + content_.line_ends)) {
      co_return Error(552, "5.3.4", "the new body is too large");
    }
    std::string bytes(piece);
    if (!file_) {
      *content_.rewritten += piece;
      if (content_.rewritten->size() <= inline_body_bytes_max) co_return Result<void>();
      CO_TRY(file_, co_await desk_.queue_.open_body(envelope_.id));
      envelope_.body_is_file = true;
      bytes = *std::move(content_.rewritten);
      content_.rewritten.reset();
    }
    co_return co_await desk_.loop_.offload(
        [&] { return write_all(file_.number(), bytes, "a body"); });
  }
  Result<void> add_recipient(std::string_view address, std::string_view parameters) override {
    TRY(auto command, parse_milter_recipient(address, parameters));
    TRY(auto whole, completed(std::move(command.recipient), config_));
    Recipient* added = smtp::add_recipient(envelope_.recipients, whole.text());
    if (added != nullptr) added->notify = notify_bits_of_copy(command.notify);
    return {};
  }
  Result<void> remove_recipient(std::string_view address) override {
    TRY(auto command, parse_milter_recipient(address, ""));
    TRY(auto whole, completed(std::move(command.recipient), config_));
    std::erase_if(envelope_.recipients, [text = whole.text()](const Recipient& one) {
      return one.address == text || one.original == text;
    });
    return {};
  }
  Result<void> set_sender(std::string_view address, std::string_view parameters) override {
    TRY(auto command, parse_milter_sender(address, parameters));
    TRY(auto whole, completed(std::move(command.sender), config_));
    envelope_.sender = whole.text();
    return {};
  }
  /// What milter_header_checks make of it. True: it is to be thrown away. Error: it is refused.
  Result<bool> carry_out_verdict() {
    const ContentVerdict& found = checks_.verdict();
    if (found.refusal) return *found.refusal;
    envelope_.is_held = envelope_.is_held || found.is_held;
    for (const auto& address : found.bcc) {
      Recipient* added = smtp::add_recipient(envelope_.recipients, address);
      if (added != nullptr) added->notify = notify_never;
    }
    if (found.redirect) redirect_all(envelope_.recipients, *found.redirect);
    if (found.filter) envelope_.filter = *found.filter;
    return found.is_discarded;
  }
  /// Once all milters have seen it.
  Task<Result<void>> settle() {
    if (!file_) co_return Result<void>();
    co_return co_await desk_.loop_.offload([&] { return sync_file(file_.number(), "a body"); });
  }

 private:
  void note_8bit(std::string_view text) {
    envelope_.is_8bit = envelope_.is_8bit || !is_ascii(text);
  }

  PickupDesk& desk_;
  Content& content_;
  Descriptor& file_;
  const Config& config_;
  HeaderDraft& header_;
  Envelope& envelope_;
  MilterHeaderChecks checks_;
};

namespace {

/// The values of macros for a message that a local program has posted.
std::optional<std::string> macro_value(std::string_view name, const Config& config,
                                       const Envelope& envelope, const std::string& recipient) {
  if (name == "daemon_name") return config.milter_macro_daemon_name;
  if (name == "v") return config.milter_macro_v;
  if (name == "j") return config.myhostname;
  if (name == "i") return envelope.id.value();
  if (name == "_") return "localhost [127.0.0.1]";
  if (name == "client_addr" || name == "daemon_addr") return "127.0.0.1";
  if (name == "client_name" || name == "client_ptr") return "localhost";
  if (name == "client_port") return "0";
  if (name == "client_resolve") return "OK";
  if (name == "mail_addr") return envelope.sender;
  if (name == "rcpt_addr") return recipient;
  return std::nullopt;
}

/// The events of the dialogue, up to the first refusal.
Task<MilterAnswer> play_dialogue(Milters& milters, const Envelope& envelope,
                                 std::string& recipient) {
  MilterClient client;
  client.name = "localhost";
  client.address = "127.0.0.1";
  auto connecting = milters.connect(std::move(client));
  auto answer = co_await std::move(connecting);
  auto is_over = [](const MilterAnswer& so_far) {
    return so_far.kind != MilterAnswer::Kind::Continue;
  };
  if (is_over(answer)) co_return std::move(answer);
  auto greeting = milters.helo("localhost");
  answer = co_await std::move(greeting);
  if (is_over(answer)) co_return std::move(answer);
  std::vector<std::string> sender{"<" + envelope.sender + ">"};
  auto mailing = milters.mail(std::move(sender));
  answer = co_await std::move(mailing);
  for (const Recipient& one : envelope.recipients) {
    if (is_over(answer)) co_return std::move(answer);
    recipient = one.address;
    std::vector<std::string> words{"<" + one.address + ">"};
    auto telling = milters.rcpt(std::move(words));
    auto next = co_await std::move(telling);
    if (!next.hold) next.hold = answer.hold;
    answer = std::move(next);
  }
  if (is_over(answer)) co_return std::move(answer);
  auto beginning = milters.data();
  co_return co_await std::move(beginning);
}

}  // namespace

/// True: the message is to be thrown away. Errors: a milter's 5xx; control_busy for a 4xx.
Task<Result<bool>> PickupDesk::show_milters(Content& content, Descriptor& file,
                                            std::shared_ptr<const Config> config,
                                            HeaderDraft& header, Envelope& envelope) {
  CO_TRY(auto list, MilterSettings::parse_list(config->non_smtpd_milters, *config));
  std::string recipient;
  auto values = [&](std::string_view name) {
    return macro_value(name, *config, envelope, recipient);
  };
  Milters milters(loop_, std::move(list), MilterMacros(*config), values, ask_.connect_milter,
                  "cleanup");
  // What a milter signs must be what is sent.
  header.edit(header_facts(header.text(), config->message_drop_headers).dropped);
  auto playing = play_dialogue(milters, envelope, recipient);
  auto answer = co_await std::move(playing);
  Posted message(*this, content, file, *config, header, envelope);
  if (answer.kind == MilterAnswer::Kind::Continue) {
    auto showing = milters.message(message);
    auto last = co_await std::move(showing);
    if (!last.hold) last.hold = answer.hold;
    answer = std::move(last);
  }
  LogTransaction line = log_line(envelope);
  if (answer.hold && !envelope.is_held) {
    envelope.is_held = true;
    log_decision("milter-hold", line,
                 answer.hold->empty() ? "milter triggers HOLD action" : *answer.hold);
  }
  if (answer.kind == MilterAnswer::Kind::Discard) {
    log_decision("milter-discard", line, "milter triggers DISCARD action");
    co_return true;
  }
  if (answer.kind == MilterAnswer::Kind::Refuse) {
    Error why = answer.refusal();
    log_decision("milter-reject", line, why.text_with_status());
    if (why.is_temporary()) co_return Error(control_busy, why.text_with_status());
    co_return std::move(why);
  }
  CO_TRY(bool is_discarded, message.carry_out_verdict());
  if (is_discarded) co_return true;
  auto settling = message.settle();
  CO_TRY_DO(co_await std::move(settling));
  envelope.is_smtputf8 = envelope.is_smtputf8 || !is_ascii(envelope.sender);
  co_return envelope.recipients.empty();
}

}  // namespace pennypost::smtp
