// What the master knows of one of its processes. For the files that define Master's members.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/log/log.h"
#include "common/process/control.h"
#include "common/process/master.h"

namespace pennypost {

constexpr int exit_os_error = 71;        // EX_OSERR
constexpr int exit_configuration = 78;   // EX_CONFIG
constexpr int configuration_code = 554;  // of an Error that stands for exit_configuration

struct Master::Bound {
  Service service;
  Endpoint endpoint;
  Descriptor descriptor;
};

/// A configuration, and what the master has made of it.
struct Master::Generation {
  std::shared_ptr<const Config> config;
  std::shared_ptr<const Prepared> prepared;
  std::list<Bound> bound;
};

/// A configuration that may come into force; see reload.cpp.
struct Master::Trial {
  ProcessNumber owner = master_process;  // which command has asked for it; or we
  std::uint64_t number = 0;
  bool is_held = false;               // all said yes; it is to be committed or dropped
  bool is_end = false;                // with this configuration the daemon does not run
  std::shared_ptr<Generation> next;   // null where is_end
  std::vector<std::string> refusals;  // of the candidates
  std::vector<ProcessNumber> agreed;  // of those that live on
};

struct Master::Process {
  const Kind* kind = nullptr;
  std::string instance;
  std::optional<Identity> identity;
  bool is_shared = false;  // as of its Demand
  pid_t pid = 0;
  std::shared_ptr<Link> link;
  std::optional<std::size_t> connections;  // its slice of the table
  SteadyTime started;
  bool is_draining = false;
  bool is_candidate = false;  // started with a configuration that is not in force
  bool is_replaced = false;   // drains, and its successor waits for its end
  std::optional<control::Report> report;
  bool is_asked = false;  // to make room; it has not answered yet, and gets nothing new until then

  std::string port_name() const {
    return kind->number == Kind::Number::OnDemand ? kind->name + ":" + instance : kind->name;
  }
  bool may_be_asked() const { return !is_draining && !is_candidate && !is_asked && link->is_up(); }
};

/// What the log's sinks are made from; a change needs a new start.
LogOptions log_options_of(const Config& config, const DaemonSpec& spec);

}  // namespace pennypost
