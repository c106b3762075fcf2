// Defines what the master knows about each of its processes, for the files that implement Master.
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
constexpr int configuration_code = 554;  // of an Error that means exit_configuration

struct Master::Bound {
  std::string name;  // of the service
  Service service;
  Endpoint endpoint;
  Descriptor descriptor;
  std::string path = {};  // of a Unix socket; empty: a port
};

/// A configuration, and what the master has made from it.
struct Master::Generation {
  std::shared_ptr<const Config> config;
  std::shared_ptr<const Prepared> prepared;
  std::list<Bound> bound;
  std::vector<std::string> warnings;  // of the configuration as it was written
  std::string certificate_stamp;      // of the files that `prepared` was made from
};

/// A configuration that may come into force; see reload.cpp.
struct Master::Trial {
  ProcessNumber owner = master_process;  // the command that asked for it, or the master
  std::uint64_t number = 0;
  bool is_held = false;               // all have agreed; it must be committed or dropped
  bool is_end = false;                // the daemon does not run with this configuration
  std::shared_ptr<Generation> next;   // null if is_end
  std::vector<std::string> refusals;  // of the candidates
  std::vector<ProcessNumber> agreed;  // of those that live on
};

/// A command that watches dialogues.
struct Master::Watching {
  ProcessNumber owner = master_process;
  std::string client;
  std::string user;
  std::string destination;
  Descriptor watcher;
};

struct Master::Process {
  const Kind* kind = nullptr;
  std::string instance;
  std::optional<Identity> identity;
  bool is_shared = false;  // as in its Demand
  pid_t pid = 0;
  std::shared_ptr<Link> link;
  std::optional<std::size_t> connections;  // its slice of the table
  std::optional<std::size_t> figures;      // its place among the figures
  SteadyTime started;
  bool is_draining = false;
  bool is_candidate = false;  // started with a configuration that is not in force
  bool is_replaced = false;   // drains while its successor waits
  std::optional<control::Report> report;
  bool is_asked = false;  // to make room; it gets nothing new until it answers

  std::string port_name() const {
    return kind->number == Kind::Number::OnDemand ? kind->name + ":" + instance : kind->name;
  }
  bool may_be_asked() const { return !is_draining && !is_candidate && !is_asked && link->is_up(); }
};

/// The settings of the log sinks; a change needs a restart.
LogOptions log_options_of(const Config& config, const DaemonSpec& spec);

}  // namespace pennypost
