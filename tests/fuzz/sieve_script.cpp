// Checks and runs a Sieve script: its mistakes have places in it, or what it does is bounded.
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "store/sieve/testing.h"

using namespace pennypost;
using namespace pennypost::store::sieve;

namespace {

constexpr std::string_view message =
    "From: \"Ann\" <ann@far.example>\nTo: bob+lists@example.org\nSubject: "
    "=?utf-8?q?Gr=C3=BC=C3=9Fe?=\n"
    "Date: Tue, 14 Nov 2023 14:13:20 -0800\nMessage-ID: <m1@far.example>\n"
    "Content-Type: multipart/mixed; boundary=b\n\nbefore\n--b\nContent-Type: text/plain\n"
    "Content-Transfer-Encoding: quoted-printable\n\nhello=20you\n--b\n"
    "Content-Type: application/pdf; name=bill.pdf\n\npdf\n--b--\nafter\n";

void look_at(const Outcome& outcome, const RunLimits& limits) {
  ASSERT(outcome.actions.size() <= limits.actions);
  ASSERT(!outcome.failure || outcome.actions.size() == 1);
  for (const auto& action : outcome.actions) {
    ASSERT(!shown(action).empty());
    if (const auto* copy = std::get_if<FileInto>(&action)) {
      ASSERT(copy->flags.size() <= flags_max && !copy->mailbox.empty());
      if (copy->form) ASSERT(!edited(message, *copy->form).empty());
    }
    if (const auto* pipe = std::get_if<Pipe>(&action)) {
      ASSERT(!pipe->program.empty() && pipe->program.find('/') == std::string::npos);
      ASSERT(pipe->arguments.size() <= program_arguments_max);
    }
    if (const auto* sent = std::get_if<SendMessage>(&action)) {
      ASSERT(sent->text.find('\r') == std::string::npos);
      ASSERT(HeaderFields(sent->text).has("Auto-Submitted"));
    }
  }
  for (const auto& memory : outcome.remembered) ASSERT(memory.seconds <= remember_seconds_max);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto offered = usual_extensions();
  for (auto one : {Extension::DovecotExecute, Extension::DovecotFilter, Extension::DovecotPipe}) {
    offered.add(one);
  }
  auto compiled = compile(text, offered);
  ASSERT((compiled.script == nullptr) == !compiled.mistakes.empty());
  ASSERT(compiled.mistakes.size() <= mistakes_max);
  for (const auto& mistake : compiled.mistakes) {
    ASSERT(mistake.at.line >= 1 && mistake.at.column >= 1 && !mistake.text.empty());
  }
  if (!compiled.script) return 0;
  FakeEnvironment environment;
  environment.scripts["personal self"] = std::string(text);
  environment.lists["list"] = {"eve@example.net"};
  environment.spam = 50;
  environment.programs["mark"] = {"", 0, "Subject: marked\n\nHello.\n"};
  RunLimits limits;
  limits.steps = 20'000;
  look_at(run_script(*compiled.script, message, environment, limits), limits);
  return 0;
}
