#include "imapd/dialogue/session.h"

#include "common/async/turn.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "imapd/command/append.h"
#include "imapd/command/capability.h"
#include "imapd/command/shared.h"
#include "imapd/command/table.h"
#include "imapd/dialogue/shown_command.h"
#include "imapd/response/logout_text.h"
#include "imapd/session/special_folders.h"

namespace pennypost::imap {
namespace {

using Event = Conversation::Event;

// How long a login waits for others who are at a new account's subscriptions.
constexpr Duration special_folders_lock_timeout{2'000};
constexpr std::string_view stopping_text = "Server shutting down.";

}  // namespace

Task<> Session::serve() {
  const auto& settings = context_.settings();
  context_.connection().set_timeout(settings.imap_idle_timeout);
  std::string_view reason;
  try {
    co_await converse();
    reason = context_.end_reason();
  } catch (const Disconnected& lost) {
    is_lost_ = true;
    reason = context_.end_reason();
    if (lost.reason() == Disconnected::Reason::Timeout) {
      // RFC 9051 section 5.4: autologout.
      say_bye("Disconnected for inactivity.");
      reason = "Inactivity";
    } else if (is_stopping_) {
      reason = stopping_text;
    }
  }
  const auto& who = context_.who();
  auto counts = logout_text(settings.imap_logout_format, context_.received(), context_.sent());
  log_logout("imap", who.user, who.session_id, reason, counts);
}

Task<> Session::converse() {
  co_await prepare_account();
  if (context_.is_trace_asked()) context_.show("");
  if (!context_.who().tag.empty()) {
    answer(Reply::ok("[CAPABILITY " + capability_text(context_) + "] Logged in"),
           context_.who().tag);
  }
  auto& assembler = context_.assembler();
  if (is_announced(context_, "LITERAL-")) assembler.limit_unasked_literals();
  while (!context_.is_ended()) {
    // Until the turn is taken NOTIFY may be telling something, into which nothing may be put.
    auto event = co_await context_.next_step();
    co_await context_.take_turn();
    switch (event) {
      case Event::Complete:
        co_await dispatch();
        break;
      case Event::Message: {
        context_.start_clock(assembler.tag());
        if (context_.is_trace_asked()) context_.show(shown_command(assembler.text()));
        auto appending = append_messages(context_, event);
        auto reply = co_await std::move(appending);
        if (reply) answer(*reply, assembler.tag());
        break;
      }
      case Event::Continue:
        context_.put(literal_prompt);
        break;
      case Event::Refused:
        answer(Reply(assembler.error()), assembler.tag());
        break;
      case Event::Abandon:
        context_.abandon("Too much input that can't be taken");
        break;
      case Event::NeedBytes:
        break;
    }
    context_.give_turn();
    if (event == Event::Continue) continue;
    assembler.reset();
    co_await context_.send_if_much();
    // What was sent ahead could go on for long.
    if (turn_is_long(context_.loop())) co_await context_.loop().turn_end();
    if (!is_stopping_ || context_.is_ended()) continue;
    co_await context_.take_turn();
    context_.abandon(stopping_text, stopping_text);
    context_.give_turn();
  }
  co_await context_.take_turn();
  co_await context_.connection().flush();
  if (is_logged_out()) {
    context_.end_compression();
  } else {
    context_.connection().stream().shut_down();
  }
}

// Makes the folders of a new account before its first command, whichever that is. A login is not
// refused for want of them.
Task<> Session::prepare_account() {
  const auto& settings = context_.settings();
  auto& account = context_.account();
  if (!settings.imap_auto_create_special || account.has_special_folders) co_return;
  auto making = store::retry_while_locked(
      context_.loop(), context_.light_lane(), special_folders_lock_timeout,
      [&] { return make_special_folders(context_.store(), settings.imap_special_use); });
  auto made = co_await std::move(making);
  account.has_special_folders = made.has_value();
  if (!made) {
    log_warning("imap", context_.who().user + ": imap_special_use: " + made.error().text());
  }
}

Task<> Session::dispatch() {
  const auto& text = context_.assembler().text();
  if (context_.is_trace_asked()) context_.show(shown_command(text));
  auto head = parse_head(text);
  if (!head) {
    answer(Reply(head.error()), tag_of(text));
    co_return;
  }
  auto work = handle(*head);
  auto reply = co_await std::move(work);
  answer(reply, head->tag);
  co_await context_.begin_compression();
}

Task<Reply> Session::handle(const CommandHead& command) {
  const auto* row = find_command(commands, command.name);
  if (row == nullptr || row->allowed == In::NotAuthenticated) {
    co_return Reply::bad("Unknown command " + printable(command.name, 40));
  }
  if (row->allowed == In::Selected && context_.selected() == nullptr) {
    co_return Reply::bad("No mailbox selected");
  }
  if (context_.reporting().uid_only && names_by_number(*row)) co_return uid_required();
  context_.start_clock(command.tag);
  auto work = row->call(context_, command);
  auto reply = co_await std::move(work);
  if (row->news != News::None && context_.selected() != nullptr && !context_.is_ended()) {
    bool with_expunges = row->news == News::All && !context_.keeps_expunges_back();
    co_await context_.tell_news(with_expunges, command.is_uid());
  }
  co_return reply;
}

void Session::answer(const Reply& reply, std::string_view tag) {
  context_.log_failure(reply);
  context_.answer(reply.in_form(context_.name_form()), tag);
  if (reply.status() != Reply::Status::Bad) context_.forgive();
}

void Session::stop() {
  is_stopping_ = true;
  if (!context_.is_quiet()) return;
  // What is being told out of turn is not broken into.
  if (!context_.is_turn_taken()) say_bye(stopping_text);
  context_.connection().stream().abort();
}

// The last line to a client that waits for no answer; the socket takes it at once or never.
void Session::say_bye(std::string_view text) {
  try {
    context_.connection().stream().try_write("* BYE " + std::string(text) + "\r\n");
  } catch (const Disconnected&) {
    // The client was faster.
  }
}

}  // namespace pennypost::imap
