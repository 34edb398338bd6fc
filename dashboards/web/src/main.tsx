import { render } from 'preact';
import { App } from './app.js';
import './styles/base.css';
import './styles/controls.css';
import './styles/states.css';
import './styles/header.css';
import './styles/summary.css';
import './styles/overview.css';
import './styles/miners.css';
import './styles/miner-table.css';
import './styles/detail.css';
import './styles/raw.css';
import './styles/session.css';
import './styles/commands.css';
import './styles/orders.css';
import './styles/cluster.css';

render(<App />, document.getElementById('app')!);
